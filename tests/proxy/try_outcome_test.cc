// What a try says about its endpoint: outlier detection has nothing else to judge by.
#include <doctest/doctest.h>

#include <memory>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

// Counts, and ejects nobody.
struct Counting : FakeWorker {
  explicit Counting(const std::function<void(GatewayConfig&)>& change = [](GatewayConfig&) {})
      : FakeWorker(change) {
    endpoint().outlier = std::make_unique<upstream::OutlierWatch>();
    endpoint().outlier->rule = std::make_shared<const upstream::OutlierRule>(
        upstream::OutlierRule{.settings = {.consecutive_5xx = 0, .consecutive_gateway_failure = 0}});
  }
  upstream::EndpointState& endpoint() { return *clusters.endpoints(0).front(); }
  // "3/1": so many tries, so many went well.
  std::string counts() {
    const upstream::OutlierCounts& counts = endpoint().outlier->counts;
    return std::to_string(counts.num_requests) + "/" + std::to_string(counts.num_ok);
  }
  std::shared_ptr<FakePeer> backend = add_idle_backend();
};

TEST_CASE("TheHeadOfAResponseIsWhatCounts") {
  struct Row {
    const char* response;
    const char* counts;
    std::uint32_t num_gateway_in_row;
  };
  for (const Row& row :
       {Row{kOk, "1/1", 0}, Row{"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "1/1", 0},
        Row{"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "1/0", 0},
        Row{"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", "1/0", 1},
        Row{"HTTP/1.1 103 Early Hints\r\n\r\n", "0/0", 0}, Row{"nonsense\r\n\r\n", "1/0", 1}}) {
    CAPTURE(row.response);
    Counting worker;
    FakeRequest request(worker, kGet);
    worker.backend->send(row.response);
    CHECK(worker.counts() == row.counts);
    CHECK(worker.endpoint().outlier->counts.num_gateway_in_row == row.num_gateway_in_row);
  }
}

TEST_CASE("ACutBodyIsNotCountedASecondTime") {
  Counting worker;
  FakeRequest request(worker, kGet);
  worker.backend->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  worker.backend->break_with();
  CHECK(request.stream.log == "head 200 length, cut");
  CHECK(worker.counts() == "1/1");
}

TEST_CASE("EveryTryCountsAlsoThoseThatAreTriedAgain") {
  Counting worker([](GatewayConfig& config) {
    config.routes[0].rules[0].retry = RetryPolicy{.codes = {503}, .attempts = 2};
  });
  FakeRequest request(worker, kGet);
  for (int i = 0; i < 3; ++i) {
    worker.backend->send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    worker.pass(1s);
  }
  CHECK(request.stream.log == "head 503 length, end, complete");
  CHECK(worker.counts() == "3/0");
}

TEST_CASE("WhoWaitsForAnotherTryIsNotJudgedAgain") {
  Counting worker([](GatewayConfig& config) {
    config.routes[0].rules[0].retry = RetryPolicy{.codes = {503}, .backoff = {.base = 10s, .max = 10s}};
    config.routes[0].rules[0].timeouts.request = 50ms;
  });
  FakeRequest request(worker, kGet);
  worker.backend->send("HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\n");  // its body does not come
  REQUIRE(request.exchange->phase() == proxy::Phase::kBackOff);
  worker.pass(100ms);
  CHECK(request.stream.log == "head 504 length, end, complete");
  CHECK(worker.counts() == "1/0");
}

TEST_CASE("AResetBeforeTheHeadCountsUnlessTheConnectionWasKeptForTooLong") {
  Counting worker;
  {
    FakeRequest request(worker, kGet);
    worker.backend->send(kOk);
  }
  CHECK(worker.counts() == "1/1");
  {
    FakeRequest request(worker, kGet);
    worker.backend->break_with();  // reused: it may have been closed for idleness
    CHECK(worker.counts() == "1/1");
  }
  const auto fresh = worker.add_idle_backend();
  FakeRequest request(worker, kGet);
  fresh->break_with();
  CHECK(worker.counts() == "2/1");
}

TEST_CASE("ARefusedConnectionCounts") {
  Counting worker;  // nobody listens at its endpoint
  worker.endpoint().idle.clear();
  FakeRequest request(worker, kGet);
  for (int i = 0; i < 100 && request.exchange->phase() != proxy::Phase::kDone; ++i) worker.pass(20ms);
  CHECK(request.stream.log == "head 502 length, end, complete");
  CHECK(worker.counts() == "2/0");  // it is tried once more
}

TEST_CASE("ATimeLimitCountsOnlyWhenTheEndpointWasWaitedFor") {
  const auto limited = [](GatewayConfig& config) { config.routes[0].rules[0].timeouts.request = 50ms; };
  {
    Counting worker(limited);
    FakeRequest request(worker, kGet);
    worker.pass(100ms);  // the backend does not answer
    CHECK(request.stream.log == "head 504 length, end, complete");
    CHECK(worker.counts() == "1/0");
  }
  {
    Counting worker(limited);
    FakeRequest request(worker, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsome");
    worker.pass(100ms);  // the client does not send
    CHECK(request.stream.log.starts_with("head 504"));
    CHECK(worker.counts() == "0/0");
  }
  {
    Counting worker(limited);
    worker.backend->stop_reading();
    FakeRequest request(worker, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nsome");
    worker.pass(100ms);  // the backend does not read
    CHECK(request.stream.log.starts_with("head 504"));
    CHECK(worker.counts() == "1/0");
  }
}

}  // namespace
}  // namespace ingress::test
