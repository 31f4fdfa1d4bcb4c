// Copies of requests, between fakes: what they are, and that nothing about them reaches the request.
#include "proxy/mirror.h"

#include <doctest/doctest.h>

#include <set>
#include <span>
#include <string>

#include "proxy/exchange_fixture.h"
#include "support/fake_connector.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;
using proxy::MirrorEnd;

constexpr const char* kGet = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n";
constexpr const char* kPut = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kAnswered = "head 200 length, end, complete";

// One rule for the cluster "backend" with copies for the cluster "copies". Copies are begun first, so theirs
// is the connection that is asked for first.
struct Proxy : SocketlessWorker {
  explicit Proxy(const RequestMirror& mirror = {}, const std::optional<RetryPolicy>& retry = {})
      : SocketlessWorker(make_config(mirror, retry),
                         [](net::EventLoop& on) { return std::make_unique<FakeConnector>(on); }) {}
  static GatewayConfig make_config(
      RequestMirror mirror, const std::optional<RetryPolicy>& retry,
      void (*change)(Cluster& copies) = [](Cluster&) {}) {
    GatewayConfig config = one_backend(9);
    config.clusters.push_back({.name = "copies", .endpoints = {{"127.0.0.1", 10}}});
    change(config.clusters.back());
    mirror.cluster = "copies";
    config.routes[0].rules[0].mirrors = {mirror};
    config.routes[0].rules[0].retry = retry;
    return config;
  }
  explicit Proxy(void (*change)(Cluster& copies))
      : SocketlessWorker(make_config({}, {}, change),
                         [](net::EventLoop& on) { return std::make_unique<FakeConnector>(on); }) {}
  std::span<upstream::EndpointState* const> endpoints_of_copies() {
    for (std::uint32_t index = 0; index < 2; ++index) {
      const auto out = clusters.endpoints(index);
      if (!out.empty() && out.front()->key.port == 10) return out;
    }
    return {};
  }
  upstream::EndpointState* copies() { return endpoints_of_copies().front(); }
  // The port of the only endpoint that serves a copy now.
  std::uint16_t busy_copies() {
    std::uint16_t port = 0;
    for (const upstream::EndpointState* endpoint : endpoints_of_copies()) {
      if (endpoint->num_active == 0) continue;
      CHECK(port == 0);
      port = endpoint->key.port;
    }
    return port;
  }
  FakeConnector& connections() { return static_cast<FakeConnector&>(*connector); }
  std::uint64_t num(MirrorEnd end) const {
    return metrics.mirrors_by_end[static_cast<std::size_t>(end)].get();
  }
  // Nothing of a copy is left.
  void check_clean() {
    turn();
    CHECK(mirrors->num_open() == 0);
    CHECK(loop->buffers().live_bytes() == 0);
  }
};

TEST_CASE("ACopyIsWhatTheBackendGets") {
  for (const char* head : {kGet, kPut, "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    CAPTURE(head);
    Proxy proxy;
    FakeRequest request(proxy, head);
    const auto backend = proxy.connections().accept();
    const auto copy = proxy.connections().accept();
    if (head == kPut) {
      request.read("ab");
      request.read("cdef");
    } else if (head != kGet) {
      request.read("2\r\nab\r\n");
      request.read("4\r\ncdef\r\n0\r\nX-End: yes\r\n\r\n");
    }
    const std::string sent = backend->take_received();
    CHECK(sent.find(head == kGet ? "GET /a?b=c HTTP/1.1\r\n" : "cdef") != sent.npos);
    CHECK(copy->take_received() == sent);
    copy->send("HTTP/1.1 500 Broken\r\nContent-Length: 3\r\n\r\nbad");
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    CHECK(request.stream.body == "hello");
    CHECK(proxy.num(MirrorEnd::kAnswered) == 1);
    proxy.check_clean();
  }
}

TEST_CASE("TheRequestDoesNotWaitForItsCopyWhichComesToItsEndAlone") {
  Proxy proxy;
  {
    FakeRequest request(proxy, kPut);
    request.read("abcdef");
    const auto backend = proxy.connections().accept();
    auto waiting = proxy.connections().accept();  // of the copy: says nothing yet
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    CHECK(proxy.mirrors->num_open() == 1);
    CHECK(waiting->take_received().ends_with("\r\n\r\nabcdef"));
    waiting->send(kOk);
    CHECK(proxy.num(MirrorEnd::kAnswered) == 1);
    proxy.check_clean();
    // Its connection was kept.
    FakeRequest again(proxy, kGet);
    CHECK(waiting->take_received().starts_with("GET "));
    CHECK(proxy.connections().num_waiting() == 0);
  }
  proxy.turn();
  CHECK(proxy.num(MirrorEnd::kAbandoned) == 0);
}

TEST_CASE("ACopyThatConnectsAfterTheEndOfTheRequestIsWhole") {
  Proxy proxy;
  const auto idle = [&] {
    FakeRequest first(proxy, kGet);
    auto peer = proxy.connections().accept();
    proxy.connections().refuse();
    peer->send(kOk);
    peer->take_received();
    return peer;
  }();
  {
    FakeRequest request(proxy, kPut);
    request.read("abcdef");
    idle->send(kOk);
    CHECK(request.stream.log == kAnswered);
  }
  const auto copy = proxy.connections().accept();
  CHECK(copy->take_received() == idle->take_received());
}

TEST_CASE("HoweverACopyFailsTheRequestIsServed") {
  const auto fail = [](const std::function<void(Proxy&)>& how) {
    Proxy proxy;
    FakeRequest request(proxy, kPut);
    const auto backend = proxy.connections().accept();
    how(proxy);
    request.read("abcdef");
    CHECK(backend->take_received().ends_with("\r\n\r\nabcdef"));
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    CHECK(proxy.num(MirrorEnd::kFailed) == 1);
    proxy.check_clean();
  };
  SUBCASE("refused") {
    fail([](Proxy& proxy) { proxy.connections().refuse(); });
  }
  SUBCASE("reset") {
    fail([](Proxy& proxy) { proxy.connections().accept()->break_with(); });
  }
  SUBCASE("closed") {
    fail([](Proxy& proxy) { proxy.connections().accept()->end_sending(); });
  }
  SUBCASE("no HTTP") {
    fail([](Proxy& proxy) { proxy.connections().accept()->send("hello\r\n\r\n"); });
  }
  SUBCASE("cut in the body") {
    fail([](Proxy& proxy) {
      const auto copy = proxy.connections().accept();
      copy->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
      copy->end_sending();
    });
  }
}

TEST_CASE("ACopyThatIsNotAnsweredEndsWithTheLimitOfItsCluster") {
  for (const char* answer :
       {"", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}) {
    CAPTURE(answer);
    Proxy proxy;
    FakeRequest request(proxy, kGet);
    const auto backend = proxy.connections().accept();
    const auto copy = proxy.connections().accept();
    if (*answer != '\0') copy->send(answer);
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    CHECK(proxy.mirrors->num_open() == 1);
    proxy.pass(ClusterTimeouts{}.response_head + ClusterTimeouts{}.response_body_idle);
    // Of one that has begun to answer the rest is not missed.
    const bool has_head = std::string_view(answer).find("200") != std::string_view::npos;
    CHECK(proxy.num(has_head ? MirrorEnd::kAnswered : MirrorEnd::kFailed) == 1);
    CHECK(copy->is_destroyed());
    proxy.check_clean();
  }
}

TEST_CASE("ACopyWhoseResponseNeverEndsIsNotReadForEver") {
  Proxy proxy;
  {
    FakeRequest request(proxy, kGet);
    const auto backend = proxy.connections().accept();
    const auto copy = proxy.connections().accept();
    copy->send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    backend->send(kOk);
    CHECK(request.stream.log == kAnswered);
    for (int i = 0; i < 9; ++i) {
      copy->send("x");
      proxy.pass(ClusterTimeouts{}.response_body_idle / 8);
    }
    CHECK(copy->is_destroyed());
  }
  CHECK(proxy.num(MirrorEnd::kAnswered) == 1);
  proxy.check_clean();
}

TEST_CASE("CopiesThatAreOverTakeNoPlaceThoughTheResponseGoesOn") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  const auto backend = proxy.connections().accept();
  const auto copy = proxy.connections().accept();
  backend->send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
  copy->send(kOk);
  proxy.turn();
  CHECK(request.stream.log == "head 200 length");
  CHECK(proxy.mirrors->num_open() == 0);
}

TEST_CASE("ACopyThatIsTakenTooSlowlyIsGivenUp") {
  Proxy proxy;
  const std::string piece(60'000, 'x');
  FakeRequest request(proxy, "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n");
  const auto backend = proxy.connections().accept();
  const auto copy = proxy.connections().accept();
  copy->stop_reading();
  for (int i = 0; i < 10; ++i) {
    request.read(piece);
    CHECK(request.stream.reading == proxy::Reading::kOn);
    CHECK(copy->queued_bytes() <= proxy::Mirrors::kMaxHeldBytes + piece.size());
  }
  CHECK(proxy.num(MirrorEnd::kBehind) == 1);
  proxy.turn();
  CHECK(copy->is_destroyed());
  CHECK(backend->received().size() > 600'000);
  backend->send(kOk);
  CHECK(request.stream.log == kAnswered);
  proxy.check_clean();
}

TEST_CASE("TheResponseToACopyIsReadToABound") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  const auto backend = proxy.connections().accept();
  const auto copy = proxy.connections().accept();
  copy->send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
  const std::string piece(60'000, 'x');
  std::uint64_t sent = 0;
  while (!copy->is_destroyed() && sent <= proxy::Mirrors::kMaxDroppedBytes) {
    copy->send(piece);
    sent += piece.size();
    proxy.turn();
  }
  CHECK(copy->is_destroyed());
  CHECK(proxy.num(MirrorEnd::kAnswered) == 1);
}

TEST_CASE("ARequestThatIsNotCompletedLeavesNoWholeCopy") {
  Proxy proxy;
  std::shared_ptr<FakePeer> copy;
  {
    FakeRequest request(proxy, kPut);
    const auto backend = proxy.connections().accept();
    copy = proxy.connections().accept();
    request.read("abc");
  }
  proxy.turn();
  CHECK(copy->take_received().ends_with("\r\n\r\nabc"));
  CHECK(copy->is_destroyed());
  CHECK(proxy.num(MirrorEnd::kAbandoned) == 1);
  proxy.check_clean();
}

TEST_CASE("AFurtherTryIsNotCopiedOnceMore") {
  Proxy proxy({}, RetryPolicy{.retry_on = {RetryCondition::kReset}});
  FakeRequest request(proxy, kPut);
  const auto first = proxy.connections().accept();
  const auto copy = proxy.connections().accept();
  request.read("ab");
  request.read("cd");
  first->break_with();
  proxy.pass(300ms);
  const auto second = proxy.connections().accept();
  request.read("ef");
  CHECK(second->take_received().ends_with("\r\n\r\nabcdef"));
  const std::string copied = copy->take_received();
  CHECK(copied.ends_with("\r\n\r\nabcdef"));
  CHECK(copied.find("PUT", 1) == copied.npos);
  second->send(kOk);
  CHECK(request.stream.log == kAnswered);
}

TEST_CASE("AnUpgradeIsNotCopied") {
  Proxy proxy;
  FakeRequest request(proxy,
                      "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  const auto backend = proxy.connections().accept();
  CHECK(backend->received().find("Upgrade: websocket") != std::string::npos);
  CHECK(proxy.mirrors->num_open() == 0);
  CHECK(proxy.connections().num_waiting() == 0);
}

TEST_CASE("ACopyNeverTakesTheConnectionThatItsRequestWaitsFor") {
  Proxy proxy;
  FakeRequest request(proxy, kPut);
  CHECK(proxy.mirrors->num_open() == 0);
  CHECK(proxy.connections().num_waiting() == 1);
  const auto backend = proxy.connections().accept();
  CHECK(proxy.mirrors->num_open() == 1);
}

TEST_CASE("CopiesCountTowardsTheBoundOfAKeyWhileTheyRun") {
  Proxy proxy([](Cluster& copies) {
    copies.load_balancing = LoadBalancing::kConsistentHash;
    copies.consistent_hash.balance_factor_percent = 100;
  });
  const auto load = [&] { return proxy.copies()->cluster_active; };
  {
    FakeRequest request(proxy, kGet);
    const auto backend = proxy.connections().accept();
    const auto copy = proxy.connections().accept();
    backend->send(kOk);
    REQUIRE(load() != nullptr);
    CHECK(*load() == 1);
    copy->send(kOk);
    CHECK(*load() == 0);
  }
  {
    FakeRequest request(proxy, kGet);
    CHECK(*load() == 1);
    request.exchange->on_client_gone({.what = "gone"});
  }
  proxy.mirrors->drop_all();
  CHECK(*load() == 0);
}

TEST_CASE("TheSameKeyLeadsItsCopiesToTheSameEndpoint") {
  Proxy proxy([](Cluster& copies) {
    copies.load_balancing = LoadBalancing::kConsistentHash;
    copies.consistent_hash = {.source = HashSource::kHeader, .name = "x-user"};
    for (std::uint16_t port = 11; port < 20; ++port) copies.endpoints.push_back({"127.0.0.1", port});
  });
  std::set<std::uint16_t> used;
  for (int user = 0; user < 20; ++user) {
    const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nX-User: user-" + std::to_string(user) + "\r\n\r\n";
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 3; ++i) {
      FakeRequest request(proxy, head);
      const auto backend = proxy.connections().accept();
      ports.insert(proxy.busy_copies());
      while (proxy.connections().num_waiting() > 0) proxy.connections().refuse();
      proxy.turn();
    }
    CHECK(ports.size() == 1);
    used.insert(ports.begin(), ports.end());
  }
  CHECK(used.size() > 3);
}

TEST_CASE("OnlyTheShareIsCopied") {
  Proxy proxy({.numerator = 1, .denominator = 4});
  int num_copies = 0;
  for (int i = 0; i < 4000; ++i) {
    FakeRequest request(proxy, kGet);
    const auto backend = proxy.connections().accept();
    num_copies += static_cast<int>(proxy.mirrors->num_open());
    while (proxy.connections().num_waiting() > 0) proxy.connections().refuse();
    proxy.turn();
  }
  // The numbers are the same in every run; five standard deviations are 137.
  CHECK(num_copies > 863);
  CHECK(num_copies < 1137);
}

TEST_CASE("NoMoreCopiesAreHeldThanTheBound") {
  Proxy proxy;
  std::vector<std::unique_ptr<FakeRequest>> requests;
  std::vector<std::shared_ptr<FakePeer>> backends;
  for (std::size_t i = 0; i < proxy::Mirrors::kMaxOpen + 3; ++i) {
    requests.push_back(std::make_unique<FakeRequest>(proxy, kGet));
    // Those of the copies wait for ever, in front of it.
    backends.push_back(proxy.connections().accept_newest());
  }
  CHECK(proxy.mirrors->num_open() == proxy::Mirrors::kMaxOpen);
  CHECK(proxy.num(MirrorEnd::kSkipped) == 3);
}

}  // namespace
}  // namespace ingress::test
