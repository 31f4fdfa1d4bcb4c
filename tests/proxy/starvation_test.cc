// A process that lacks descriptors for a connection to a backend waits for one, and blames nobody.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"
#include "support/fake_connector.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kPost = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kAnswered = "head 200 length, end, complete";

struct Proxy : SocketlessWorker {
  Proxy()
      : SocketlessWorker(one_backend(9),
                         [](net::EventLoop& on) { return std::make_unique<FakeConnector>(on); }) {
    set_log(log);
  }
  FakeConnector& connections() { return static_cast<FakeConnector&>(*connector); }
  RecordingLog log;
};

TEST_CASE("WithoutADescriptorARequestWaitsForOneAndThatIsNoTry") {
  for (const char* text : {kGet, kPost}) {
    Proxy proxy;
    FakeRequest request(proxy, text);
    for (int i = 0; i < 5; ++i) {
      proxy.connections().refuse(ErrorSide::kSelf);
      CHECK(proxy.connections().num_waiting() == 0);
      proxy.pass(30ms);
    }
    const auto backend = proxy.connections().accept();
    CHECK(backend->take_received().ends_with(text == kPost ? "\r\n\r\nabcdef" : "\r\n\r\n"));
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    CHECK(proxy.log.wait_for(1).tries == 1);
    CHECK(proxy.metrics.upstream_retries.get() == 0);
  }
}

TEST_CASE("AConnectionThatComesFreeServesWhoWaitsForADescriptor") {
  Proxy proxy;
  FakeRequest first(proxy, kGet);
  const auto backend = proxy.connections().accept();
  FakeRequest second(proxy, kGet);
  proxy.connections().refuse(ErrorSide::kSelf);
  backend->send(kOk);
  CHECK(first.stream.log == kAnswered);
  proxy.pass(30ms);
  backend->send(kOk);
  CHECK(second.stream.log == kAnswered);
}

TEST_CASE("WithoutADescriptorForAsLongAsConnectingMayTakeARequestFails") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  for (std::chrono::milliseconds waited{0}; waited < ClusterTimeouts{}.connect; waited += 500ms) {
    REQUIRE(proxy.connections().num_waiting() == 1);
    proxy.connections().refuse(ErrorSide::kSelf);
    CHECK(request.stream.log.empty());
    proxy.pass(500ms);
  }
  // What is left is what every failed connection gets: one more try.
  proxy.connections().refuse(ErrorSide::kSelf);
  proxy.connections().refuse(ErrorSide::kSelf);
  CHECK(request.stream.log == "head 502 length, end, complete");
}

TEST_CASE("WhoGoesWhileItWaitsForADescriptorLeavesNothing") {
  Proxy proxy;
  {
    FakeRequest request(proxy, kGet);
    proxy.connections().refuse(ErrorSide::kSelf);
  }
  proxy.pass(1s);
  CHECK(proxy.connections().num_waiting() == 0);
  CHECK(proxy.loop->buffers().live_bytes() == 0);
}

}  // namespace
}  // namespace ingress::test
