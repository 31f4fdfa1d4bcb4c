// Upgrades between fakes: what is offered to the backend, what becomes of its answer, and what filters may
// do.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>

#include "proxy/tunnel_fixture.h"
#include "support/fake_connector.h"

namespace ingress::test {
namespace {

using std::chrono::seconds;

constexpr const char* kGet = "GET /next HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_CASE("AnOfferReachesTheBackendWithTheFieldsOfOneConnectionWrittenAnew") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send(
      "GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, X-Gone\r\nX-Gone: 1\r\nUpgrade: chat/2\r\n"
      "Content-Length: 0\r\nSec-WebSocket-Key: k\r\n\r\n");
  const std::string got = backend->take_received();
  CHECK(got.starts_with("GET /a HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Key: k\r\nUpgrade: chat/2\r\n"));
  CHECK(got.ends_with("\r\nConnection: Upgrade\r\n\r\n"));
  CHECK(!has(got, "X-Gone"));
  CHECK(!has(got, "Content-Length"));
}

TEST_CASE("WhatIsNotOfferedInOrderStaysAPlainRequest") {
  for (const char* fields :
       {"Upgrade: websocket\r\n", "Connection: Upgrade\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", "Connection: Upgrade\r\nUpgrade: a b\r\n"}) {
    CAPTURE(std::string(fields));
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send("GET /a HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n");
    const std::string got = backend->take_received();
    CHECK(got.starts_with("GET /a "));
    CHECK(!has(got, "pgrade"));
    CHECK(!has(got, "\r\nConnection:"));
    backend->send(kSwitch + "evil");
    worker.turn();
    CHECK(client.peer->received().starts_with("HTTP/1.1 502 "));
    CHECK(!has(client.peer->received(), "evil"));
    CHECK(worker.log.wait_for(1).detail == "unexpected_101");
  }
}

TEST_CASE("RulesMatchAnOfferThatTheBackendWouldSee") {
  FakeWorker worker([](GatewayConfig& config) {
    config.routes[0].rules.push_back({.matches = {{.headers = {{.name = "upgrade", .value = "websocket"}}}},
                                      .reply = FixedReply{.status = 410}});
  });
  const auto backend = worker.add_idle_backend();
  FakeClient asking(worker), unnamed(worker);
  asking.peer->send(kAsk);
  worker.turn();
  CHECK(asking.peer->received().starts_with("HTTP/1.1 410 "));
  unnamed.peer->send("GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n");
  CHECK(backend->take_received().starts_with("GET /a "));
}

TEST_CASE("BytesBehindTheHeadGoToTheBackendAfterThe101HoweverTheyAreCut") {
  const std::string sent = kAsk + "early \r\n\r\nbytes";
  for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
    CAPTURE(cut);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(sent.substr(0, cut));
    client.peer->send(sent.substr(cut));
    CHECK(backend->take_received().ends_with("Connection: Upgrade\r\n\r\n"));
    backend->send(kSwitch + "hello");
    worker.turn();
    client.peer->turn();
    CHECK(client.peer->take_received() == kSwitched + "hello");
    CHECK(backend->take_received() == "early \r\n\r\nbytes");
    client.peer->send("more");
    CHECK(backend->take_received() == "more");
  }
}

TEST_CASE("The101AndWhatFollowsItReachTheClientInOrderHoweverTheyAreCut") {
  const std::string sent = kSwitch + std::string("\r\n\0\xff raw", 8);
  for (std::size_t cut = 0; cut <= sent.size(); ++cut) {
    CAPTURE(cut);
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(kAsk);
    backend->send(sent.substr(0, cut));
    backend->send(sent.substr(cut));
    CHECK(client.peer->take_received() == kSwitched + sent.substr(kSwitch.size()));
  }
}

TEST_CASE("ARefusedUpgradeIsPlainHttpAndWhatCameBehindIsTheNextRequest") {
  for (const char* status : {"200 OK", "403 Forbidden", "426 Upgrade Required"}) {
    CAPTURE(std::string(status));
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(kAsk + kGet);
    CHECK(!has(backend->take_received(), "/next"));
    backend->send("HTTP/1.1 " + std::string(status) + "\r\nContent-Length: 2\r\n\r\nno");
    worker.turn();
    client.peer->turn();
    CHECK(client.peer->take_received().starts_with("HTTP/1.1 " + std::string(status)));
    const std::string next = backend->take_received();  // on the same connection
    CHECK(next.starts_with("GET /next "));
    CHECK(!has(next, "pgrade"));
    backend->send(kOk);
    worker.turn();
    CHECK(client.peer->take_received().ends_with("\r\n\r\nok"));
    CHECK(worker.num_idle() == 1);
    CHECK(worker.metrics.tunnels_opened.get() == 0);
  }
}

TEST_CASE("A101ForAnotherProtocolIsABadResponseAndNobodyGetsItsBytes") {
  for (const char* chosen : {"Upgrade: chat\r\n", "", "Upgrade: websocket\r\nContent-Length: 4\r\n"}) {
    CAPTURE(std::string(chosen));
    FakeWorker worker;
    const auto backend = worker.add_idle_backend();
    FakeClient client(worker);
    client.peer->send(kAsk + "early");
    backend->take_received();
    backend->send("HTTP/1.1 101 X\r\n" + std::string(chosen) + "\r\nevil");
    worker.turn();
    CHECK(client.peer->received().starts_with("HTTP/1.1 502 "));
    CHECK(!has(client.peer->received(), "evil"));
    CHECK(backend->take_received().empty());
    CHECK(backend->is_destroyed());
    CHECK(worker.log.wait_for(1).detail == "bad_101");
  }
}

TEST_CASE("A101IsTheAnswerWhateverTheRetryPolicySays") {
  FakeWorker worker([](GatewayConfig& config) {
    config.routes[0].rules[0].retry =
        RetryPolicy{.retry_on = {RetryCondition::kReset}, .codes = {503}, .per_try_timeout = seconds(1)};
  });
  OpenTunnel tunnel(worker);
  worker.pass(seconds(10));
  CHECK(worker.num_closed == 0);
  tunnel.backend->break_with();
  worker.turn();
  CHECK(tunnel.end_line().detail == "backend_reset");
  CHECK(worker.metrics.upstream_retries.get() == 0);
}

TEST_CASE("ATryBeforeThe101IsRepeatedWithItsOffer") {
  FakeConnector* connector = nullptr;
  SocketlessWorker worker(one_backend(9), [&](net::EventLoop& on) {
    auto made = std::make_unique<FakeConnector>(on);
    connector = made.get();
    return made;
  });
  const auto stale = worker.add_idle_backend();
  FakeClient first(worker), client(worker);
  first.peer->send(kGet);
  stale->send(kOk);  // so that it is an old connection
  worker.turn();
  client.peer->send(kAsk + "early");
  stale->take_received();
  stale->end_sending();
  worker.turn();
  REQUIRE(connector->num_waiting() == 1);
  const auto fresh = connector->accept();
  worker.turn();
  CHECK(has(fresh->take_received(), "\r\nUpgrade: websocket\r\n"));
  fresh->send(kSwitch);
  worker.turn();
  client.peer->turn();
  CHECK(client.peer->take_received() == kSwitched);
  CHECK(fresh->take_received() == "early");
}

class UpgradeFilter final : public Filter {
 public:
  enum class Does : std::uint8_t { kNothing, kTakesAway, kReplies, kChangesStatus, kWaits, kWantsBodies };
  explicit UpgradeFilter(Does does) : does_(does) {}
  Verdict on_request(RequestHead& head, ExchangeContext& context) override {
    if (does_ == Does::kTakesAway) head.headers().remove(HeaderId::kUpgrade);
    if (does_ == Does::kWantsBodies) {
      context.want_request_body(BodyMode::kBuffer);
      context.want_response_body(BodyMode::kBuffer);
    }
    return Verdict::next();
  }
  Verdict on_response(ResponseHead& head, ExchangeContext& context) override {
    if (does_ == Does::kReplies) return Verdict::reply(403, "no\n");
    if (does_ == Does::kChangesStatus) head.set_status(200);
    if (does_ != Does::kWaits) return Verdict::next();
    waiting = context.suspend();
    return Verdict::wait();
  }
  Verdict on_request_body(std::string& piece, bool, ExchangeContext&) override {
    piece += "evil";
    return Verdict::next();
  }
  Verdict on_response_body(std::string& piece, bool, ExchangeContext&) override {
    piece += "evil";
    return Verdict::next();
  }

  Resumer waiting;

 private:
  Does does_;
};

TEST_CASE("FiltersSeeTheHeadsOfAnUpgradeButNotItsBytes") {
  using Does = UpgradeFilter::Does;
  for (const Does does : {Does::kNothing, Does::kChangesStatus, Does::kWantsBodies}) {
    FakeWorker worker;
    worker.filters.push_back(std::make_unique<UpgradeFilter>(does));
    OpenTunnel tunnel(worker);
    tunnel.client.peer->send("ping");
    tunnel.backend->send("pong");
    CHECK(tunnel.backend->take_received() == "ping");
    CHECK(tunnel.client.peer->take_received() == "pong");
  }
}

TEST_CASE("AFilterMayKeepAnUpgradeFromHappening") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  SUBCASE("by taking the offer away") {
    worker.filters.push_back(std::make_unique<UpgradeFilter>(UpgradeFilter::Does::kTakesAway));
    client.peer->send(kAsk);
    CHECK(!has(backend->take_received(), "pgrade"));
    backend->send(kSwitch);
    worker.turn();
    CHECK(client.peer->received().starts_with("HTTP/1.1 502 "));
  }
  SUBCASE("by answering in place of the backend") {
    worker.filters.push_back(std::make_unique<UpgradeFilter>(UpgradeFilter::Does::kReplies));
    client.peer->send(kAsk + kGet);
    backend->send(kSwitch + "evil");
    worker.turn();
    const std::string got = client.peer->received();
    CHECK(got.starts_with("HTTP/1.1 403 "));
    CHECK(got.find("evil") == std::string::npos);
    CHECK(backend->is_destroyed());
  }
}

TEST_CASE("AFilterThatWaitsHoldsThe101AndAllThatFollows") {
  FakeWorker worker;
  auto filter = std::make_unique<UpgradeFilter>(UpgradeFilter::Does::kWaits);
  UpgradeFilter& waits = *filter;
  worker.filters.push_back(std::move(filter));
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send(kAsk + "early");
  backend->take_received();
  backend->send(kSwitch + "hello");
  worker.turn();
  CHECK(backend->is_paused());
  CHECK(client.peer->received().empty());
  CHECK(backend->take_received().empty());
  waits.waiting.resume(Verdict::next());
  worker.turn();
  client.peer->turn();
  CHECK(client.peer->take_received() == kSwitched + "hello");
  CHECK(backend->take_received() == "early");
  CHECK(!backend->is_paused());
}

}  // namespace
}  // namespace ingress::test
