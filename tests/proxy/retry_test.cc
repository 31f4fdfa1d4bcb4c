// Further tries of an exchange, against fake backends: each takes the newest idle connection.
#include <doctest/doctest.h>

#include "proxy/exchange_fixture.h"

namespace ingress::test {
namespace {

using namespace std::chrono_literals;
using proxy::Phase;

constexpr const char* kGet = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kPut = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
constexpr const char* kPost = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
constexpr const char* kBusy = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
// Longer than any back-off of the default policy.
constexpr auto kBackoff = 300ms;

RetryPolicy everything() {
  return {
      .retry_on = {RetryCondition::kConnectFailure, RetryCondition::kReset, RetryCondition::kPerTryTimeout},
      .codes = {503}};
}

// Serves one rule with `retry`, and with `timeouts`.
struct Proxy : FakeWorker {
  explicit Proxy(const RetryPolicy& retry = everything(), const RouteTimeouts& timeouts = {})
      : FakeWorker([&](GatewayConfig& config) {
          config.routes[0].rules[0].retry = retry;
          config.routes[0].rules[0].timeouts = timeouts;
        }) {}
  // The second is asked first.
  std::shared_ptr<FakePeer> second = add_idle_backend(), first = add_idle_backend();
  std::uint64_t retries(policy::TryFailure failure) const {
    return metrics.retries_by_reason[static_cast<std::size_t>(failure)].get();
  }
  std::uint64_t refused(policy::RetryRefusal why) const {
    return metrics.retries_refused[static_cast<std::size_t>(why)].get();
  }
};

TEST_CASE("AResetBeforeTheHeadIsTriedAgainAfterAWait") {
  for (const char* before : {"", "HTTP/1.1 200 OK\r\nContent-Le"}) {
    CAPTURE(before);
    Proxy proxy;
    FakeRequest request(proxy, kGet);
    if (*before != '\0') proxy.first->send(before);
    proxy.first->break_with();
    proxy.pass(kBackoff);
    CHECK(proxy.second->take_received().starts_with("GET /a HTTP/1.1\r\n"));
    proxy.second->send(kOk);
    CHECK(request.stream.log == "head 200 length, end, complete");
    CHECK(proxy.retries(policy::TryFailure::kReset) == 1);
    CHECK(proxy.metrics.upstream_retries.get() == 1);
    CHECK(proxy.log.wait_for(1).tries == 2);
    CHECK(proxy.log.wait_for(1).no_retry.empty());
  }
}

TEST_CASE("AResetAfterTheHeadIsNotTriedAgain") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  proxy.first->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  proxy.first->break_with();
  CHECK(request.stream.log == "head 200 length, cut");
  CHECK(proxy.second->num_writes() == 0);
}

TEST_CASE("InterimResponsesOfAFailedTryStandAndTheNextGoesOn") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  proxy.first->send("HTTP/1.1 103 Early Hints\r\n\r\n");
  proxy.first->break_with();
  proxy.pass(kBackoff);
  proxy.second->send(kOk);
  CHECK(request.stream.log == "interim 103, head 200 length, end, complete");
}

TEST_CASE("TheBodyIsSentAgainWholeAndWhatIsStillToComeFollows") {
  Proxy proxy;
  FakeRequest request(proxy, kPut);
  request.read("ab");
  request.read("cd");
  CHECK(proxy.first->take_received().ends_with("abcd"));
  proxy.first->break_with();
  proxy.pass(kBackoff);
  CHECK(proxy.second->take_received().ends_with("\r\n\r\nabcd"));
  request.read("ef");
  CHECK(proxy.second->take_received() == "ef");
  proxy.second->send(kOk);
  CHECK(request.stream.log == "head 200 length, end, complete");
  CHECK(proxy.loop->buffers().live_bytes() == 0);
}

TEST_CASE("ABodyThatOutgrowsTheBufferIsNotSentAgain") {
  RetryPolicy policy = everything();
  policy.buffer_bytes = 5;
  Proxy proxy(policy);
  FakeRequest request(proxy, kPut);
  request.read("abc");
  request.read("def");
  CHECK(proxy.metrics.retry_buffer_overflows.get() == 1);
  proxy.first->break_with();
  CHECK(request.stream.log == "head 502 length, end, complete");
  CHECK(proxy.log.wait_for(1).why == "upstream_reset");
  CHECK(proxy.log.wait_for(1).no_retry == "body");
  CHECK(proxy.refused(policy::RetryRefusal::kBody) == 1);
}

TEST_CASE("APostIsSentTwiceOnlyWhenThePolicySaysSo") {
  for (const RetryMethods methods : {RetryMethods::kIdempotent, RetryMethods::kAny}) {
    RetryPolicy policy = everything();
    policy.methods = methods;
    Proxy proxy(policy);
    FakeRequest request(proxy, kPost);
    request.read("abcdef");
    proxy.first->break_with();
    proxy.pass(kBackoff);
    if (methods == RetryMethods::kAny) {
      CHECK(proxy.second->take_received().ends_with("abcdef"));
    } else {
      CHECK(request.stream.log == "head 502 length, end, complete");
      CHECK(proxy.log.wait_for(1).no_retry == "method");
      CHECK(proxy.second->num_writes() == 0);
    }
  }
}

TEST_CASE("AListedStatusIsTriedAgainAndItsConnectionKeptWhenItsBodyHasCome") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  proxy.first->send(kBusy);
  CHECK(request.exchange->phase() == Phase::kBackOff);
  proxy.pass(kBackoff);
  // The connection of the first try was kept, and as the newest it is taken again.
  CHECK(proxy.first->num_writes() == 2);
  proxy.first->send(kOk);
  CHECK(request.stream.log == "head 200 length, end, complete");
  CHECK(request.stream.body == "hello");
  CHECK(proxy.retries(policy::TryFailure::kStatus) == 1);
}

TEST_CASE("TheLastTrysStatusIsPassedOn") {
  Proxy proxy;
  FakeRequest request(proxy, kGet);
  proxy.first->send(kBusy);
  proxy.pass(kBackoff);
  proxy.first->send(kBusy);
  CHECK(request.stream.log == "head 503 length, end, complete");
  CHECK(request.stream.body == "busy");
  CHECK(proxy.log.wait_for(1).no_retry == "attempts");
  CHECK(proxy.log.wait_for(1).tries == 2);
}

TEST_CASE("AStatusWithABodyThatDoesNotEndCostsItsConnection") {
  const std::string endless = "HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n\r\n";
  SUBCASE("until the wait is over") {
    Proxy proxy;
    FakeRequest request(proxy, kGet);
    proxy.first->send(endless + "bu");
    proxy.pass(kBackoff);
    CHECK(proxy.first->end() == FakePeer::End::kClosed);
    proxy.second->send(kOk);
    CHECK(request.stream.body == "hello");
  }
  SUBCASE("or until it is too much") {
    RetryPolicy policy = everything();
    policy.backoff = {60s, 60s};
    Proxy proxy(policy);
    FakeRequest request(proxy, kGet);
    proxy.first->send(endless);
    for (int i = 0; i < 3; ++i) proxy.first->send(std::string(32 * 1024, 'x'));
    CHECK(request.exchange->phase() == Phase::kBackOff);
    CHECK(proxy.first->end() == FakePeer::End::kClosed);
    CHECK(proxy.loop->buffers().live_bytes() == 0);
  }
  SUBCASE("or when it breaks, which changes nothing for the client") {
    Proxy proxy;
    FakeRequest request(proxy, kGet);
    proxy.first->send(endless);
    proxy.first->break_with();
    proxy.pass(kBackoff);
    proxy.second->send(kOk);
    CHECK(request.stream.log == "head 200 length, end, complete");
  }
}

TEST_CASE("AnEarlyStatusEndsAnUploadOnlyOfItsTry") {
  Proxy proxy;
  FakeRequest request(proxy, kPut);
  request.read("abc");
  proxy.first->send(kBusy);
  CHECK(proxy.first->end() == FakePeer::End::kClosed);  // its request was not finished
  request.read("def");
  proxy.pass(kBackoff);
  CHECK(proxy.second->take_received().ends_with("\r\n\r\nabcdef"));
}

TEST_CASE("ATryThatTakesTooLongIsFollowedByAnotherUntilNoneIsLeft") {
  RetryPolicy policy = everything();
  policy.per_try_timeout = 100ms;
  Proxy proxy(policy);
  FakeRequest request(proxy, kGet);
  proxy.pass(150ms);
  CHECK(proxy.first->end() == FakePeer::End::kClosed);
  proxy.pass(kBackoff);
  CHECK(proxy.second->num_writes() == 1);
  CHECK(proxy.retries(policy::TryFailure::kPerTryTimeout) == 1);
  proxy.pass(150ms);
  CHECK(request.stream.log == "head 504 length, end, complete");
  CHECK(proxy.log.wait_for(1).why == "upstream_timeout");
  CHECK(proxy.log.wait_for(1).detail == "per_try");
}

TEST_CASE("TheClockOfATryWaitsForASlowClientAndStopsAtTheHead") {
  RetryPolicy policy = everything();
  policy.per_try_timeout = 100ms;
  Proxy proxy(policy);
  FakeRequest request(proxy, kPut);
  request.read("abc");
  proxy.pass(1s);
  request.read("def");
  proxy.first->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
  proxy.pass(1s);
  CHECK(request.stream.log == "head 200 length");
}

TEST_CASE("ATryAsAWholeHasItsOwnLimit") {
  RetryPolicy once = everything();
  once.retry_on = {};
  SUBCASE("before the head: 504") {
    Proxy proxy(once, {.backend_request = 200ms});
    FakeRequest request(proxy, kGet);
    proxy.pass(250ms);
    CHECK(request.stream.log == "head 504 length, end, complete");
    CHECK(proxy.log.wait_for(1).detail == "backend_request");
  }
  SUBCASE("after it: cut") {
    Proxy proxy(once, {.backend_request = 200ms});
    FakeRequest request(proxy, kGet);
    proxy.first->send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe");
    proxy.pass(250ms);
    CHECK(request.stream.log == "head 200 length, cut");
  }
  SUBCASE("each try anew") {
    Proxy proxy(everything(), {.backend_request = 200ms});
    FakeRequest request(proxy, kGet);
    proxy.pass(150ms);
    proxy.first->break_with();
    proxy.pass(kBackoff);
    proxy.pass(100ms);
    proxy.second->send(kOk);
    CHECK(request.stream.log == "head 200 length, end, complete");
  }
}

TEST_CASE("TheBackendIsToldHowLongItHasGot") {
  Proxy proxy(everything(), {.request = 5s, .backend_request = 2s, .deadline_header = "X-Left"});
  FakeRequest request(proxy, "GET /a HTTP/1.1\r\nHost: x\r\nX-Left: 999999\r\n\r\n");
  const std::string head = proxy.first->take_received();
  CHECK(head.find("X-Left: 2000\r\n") != std::string::npos);
  CHECK(head.find("999999") == std::string::npos);
}

TEST_CASE("NothingIsLeftOfAWaitWhoseClientGoes") {
  RetryPolicy policy = everything();
  policy.backoff = {10s, 10s};
  Proxy proxy(policy, {.request = 60s});
  {
    FakeRequest request(proxy, kGet);
    proxy.first->break_with();
    CHECK(request.exchange->phase() == Phase::kBackOff);
    request.exchange->on_client_gone({.what = "reset"});
    CHECK(request.exchange->phase() == Phase::kDone);
    CHECK(proxy.loop->timers().num_set() == 1);  // that of the idle connection
    proxy.pass(20s);
    CHECK(request.stream.log == "cut");
  }
  CHECK(proxy.second->num_writes() == 0);
  CHECK(proxy.metrics.exchanges_open.get() == 0);
  CHECK(proxy.views.num_alive() == 1);
}

TEST_CASE("TheLimitOfTheWholeRequestEndsAWait") {
  RetryPolicy policy = everything();
  policy.backoff = {60s, 60s};
  Proxy proxy(policy, {.request = 1ms});
  FakeRequest request(proxy, kGet);
  proxy.first->break_with();
  CHECK(request.exchange->phase() == Phase::kBackOff);
  proxy.pass(50ms);
  CHECK(request.stream.log == "head 504 length, end, complete");
  CHECK(proxy.log.wait_for(1).detail == "request");
}

TEST_CASE("ABodyThatComesDuringAWaitIsHeldWithABound") {
  RetryPolicy policy = everything();
  policy.backoff = {10s, 10s};
  Proxy proxy(policy);
  FakeRequest request(proxy, "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  proxy.first->break_with();
  CHECK(request.exchange->phase() == Phase::kBackOff);
  request.read(std::string(70'000, 'x'));
  CHECK(request.stream.reading == proxy::Reading::kPaused);
  proxy.pass(11s);
  CHECK(proxy.second->take_received().size() > 70'000);
  CHECK(request.stream.reading == proxy::Reading::kOn);
}

TEST_CASE("BeyondTheBudgetAFailureIsPassedOn") {
  RetryPolicy policy = everything();
  policy.budget = {.percent = 0, .min_concurrent = 1};
  Proxy proxy(policy);
  {
    FakeRequest one(proxy, kGet);
    FakeRequest two(proxy, kGet);
    proxy.first->break_with();
    CHECK(one.exchange->phase() == Phase::kBackOff);
    proxy.second->break_with();
    CHECK(two.stream.log == "head 502 length, end, complete");
    CHECK(proxy.log.wait_for(1).no_retry == "budget");
    CHECK(proxy.refused(policy::RetryRefusal::kBudget) == 1);
  }
  const auto third = proxy.add_idle_backend();
  FakeRequest three(proxy, kGet);
  third->break_with();
  CHECK(three.exchange->phase() == Phase::kBackOff);
}

// The first use makes the connection one that was kept.
void use_once(FakeWorker& worker, FakePeer& backend) {
  FakeRequest first(worker, kGet);
  backend.send(kOk);
  backend.take_received();
}

TEST_CASE("APostOnAClosedKeptConnectionIsLostOnlyWhenBytesOfItHaveLeft") {
  ListeningSocket other;
  const auto to_other = [&](GatewayConfig& config) { config.clusters[0].endpoints[0].port = other.port(); };
  SUBCASE("they have") {
    FakeWorker worker(to_other);
    const auto backend = worker.add_idle_backend();
    use_once(worker, *backend);
    FakeRequest request(worker, kPost);
    request.read("abcdef");
    backend->break_with();
    CHECK(request.stream.log == "head 502 length, end, complete");
    CHECK(worker.log.wait_for(2).why == "stale_connection");
  }
  SUBCASE("they have not") {
    FakeWorker worker(to_other);
    const auto backend = worker.add_idle_backend();
    use_once(worker, *backend);
    backend->stop_reading();
    FakeRequest request(worker, kPost);
    request.read("abcdef");
    backend->break_with();
    CHECK(request.exchange->phase() == Phase::kConnect);
    while (request.exchange->phase() == Phase::kConnect) worker.turn();
    Socket accepted = other.accept();
    CHECK(accepted.read_message().ends_with("\r\n\r\nabcdef"));
  }
  SUBCASE("a PUT is sent again") {
    FakeWorker worker(to_other);
    const auto backend = worker.add_idle_backend();
    use_once(worker, *backend);
    FakeRequest request(worker, kPut);
    request.read("abcdef");
    backend->break_with();
    while (request.exchange->phase() == Phase::kConnect) worker.turn();
    Socket accepted = other.accept();
    CHECK(accepted.read_message().ends_with("\r\n\r\nabcdef"));
  }
}

TEST_CASE("AClosedKeptConnectionIsReplacedWithoutCounting") {
  Proxy proxy;
  use_once(proxy, *proxy.first);
  FakeRequest request(proxy, kGet);
  proxy.first->break_with();
  CHECK(request.exchange->phase() == Phase::kConnect);  // at once, and not from the pool
  CHECK(proxy.retries(policy::TryFailure::kStaleConnection) == 1);
  while (request.exchange->phase() == Phase::kConnect) proxy.turn();  // nobody listens there
  CHECK(request.exchange->phase() == Phase::kBackOff);
  CHECK(proxy.retries(policy::TryFailure::kConnectFailure) == 1);
}

}  // namespace
}  // namespace ingress::test
