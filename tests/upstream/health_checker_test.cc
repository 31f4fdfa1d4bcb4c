// Probes and what their results say, with a clock and backends that the test plays.
#include "upstream/health_checker.h"

#include <doctest/doctest.h>

#include "support/fake_connector.h"

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;

TEST_CASE("ResultsInARowDecideAndTheFirstSuccessSettlesIt") {
  struct Row {
    const char* results;   // + success, - failure
    const char* expected;  // H, U: the new health; . no change
  };
  for (const Row& row :
       {Row{"+", "H"}, Row{"--", ".."}, Row{"---", "..U"}, Row{"--+", "..H"}, Row{"---+++", "..U.H."},
        Row{"---+-++", "..U...H"}, Row{"+--+---", "H.....U"}, Row{"-----", "..U.."}}) {
    CAPTURE(row.results);
    HealthStreak streak;
    std::string changes;
    for (const char letter : std::string_view(row.results)) {
      const auto result = letter == '+' ? HealthStreak::Result::kSuccess : HealthStreak::Result::kFailure;
      const auto health = streak.note(result, {.unhealthy_threshold = 3, .healthy_threshold = 2});
      changes += !health ? '.' : *health == Health::kHealthy ? 'H' : 'U';
    }
    CHECK(changes == row.expected);
  }
}

TEST_CASE("ExpectedStatusesAre200OrTheRangesThatAreSet") {
  CHECK(is_expected(200, {}));
  CHECK(!is_expected(204, {}));
  const HealthCheck settings{.expected_statuses = {{204, 299}, {401, 401}}};
  CHECK(!is_expected(200, settings));
  CHECK(is_expected(204, settings));
  CHECK(is_expected(299, settings));
  CHECK(!is_expected(300, settings));
  CHECK(is_expected(401, settings));
}

struct Fixture {
  Fixture() {
    auto made = net::EventLoop::create();
    REQUIRE(made);
    loop = std::move(*made);
    loop->timers().set_clock(
        [](const void* self) {
          const auto* fixture = static_cast<const Fixture*>(self);
          return fixture->start + fixture->passed;
        },
        this);
    start = loop->now();
    connector.emplace(*loop);
    checker.emplace(
        *loop, *connector, 1,
        [this](const std::string& cluster, const Endpoint& endpoint, Health health, std::string_view reason) {
          verdicts += cluster + ":" + std::to_string(endpoint.port) +
                      (health == Health::kHealthy ? " healthy " : " unhealthy ") + std::string(reason) + "\n";
        });
  }
  ~Fixture() {
    checker.reset();
    turn();
  }
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  void pass(milliseconds time) {
    loop->post([this, time] {
      passed += time;
      loop->timers().advance(start + passed);
    });
    turn();
  }
  // Runs until the next probe connects.
  std::shared_ptr<test::FakePeer> next_probe() {
    wait_for_probe();
    return connector->accept();
  }
  void wait_for_probe() {
    for (int i = 0; i < 1'000 && connector->num_waiting() == 0; ++i) pass(milliseconds(10));
    REQUIRE(connector->num_waiting() > 0);
  }
  void set(const HealthCheck& check, std::vector<std::uint16_t> ports,
           ProxyProtocol proxy_protocol = ProxyProtocol::kNone) {
    Cluster cluster{.name = "c", .proxy_protocol = proxy_protocol, .health_check = check};
    for (const std::uint16_t port : ports) cluster.endpoints.push_back({"10.0.0.1", port});
    checker->set(cluster, cluster.endpoints);
  }
  std::string take_verdicts() { return std::exchange(verdicts, {}); }

  std::unique_ptr<net::EventLoop> loop;
  milliseconds start{0}, passed{0};
  std::optional<test::FakeConnector> connector;
  std::optional<HealthChecker> checker;
  std::string verdicts;
};

HealthCheck fast_check() {
  return {.interval = milliseconds(100),
          .timeout = milliseconds(50),
          .unhealthy_threshold = 2,
          .healthy_threshold = 2};
}

TEST_CASE("AProbeBeginsWithAHeaderThatNamesNobodyWhereOneIsWanted") {
  Fixture f;
  f.set(fast_check(), {1}, ProxyProtocol::kV1);
  CHECK(f.next_probe()->received().starts_with("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n"));
  f.set(fast_check(), {1}, ProxyProtocol::kV2);  // asked anew
  const std::string local("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
  CHECK(f.next_probe()->received().starts_with(local + "GET / HTTP/1.1\r\n"));
  f.set({.type = HealthCheckType::kTcp, .interval = milliseconds(100), .timeout = milliseconds(50)}, {1},
        ProxyProtocol::kV2);
  CHECK(f.next_probe()->received() == local);
  CHECK(f.take_verdicts() == "c:1 healthy connected\n");
}

TEST_CASE("AsksForThePathOfItsHostAndClosesTheConnection") {
  Fixture f;
  HealthCheck check = fast_check();
  check.path = "/live?deep=1";
  check.host = "health.test";
  f.set(check, {80});
  const auto backend = f.next_probe();
  CHECK(backend->take_received() ==
        "GET /live?deep=1 HTTP/1.1\r\nHost: health.test\r\nUser-Agent: proxyd-health-check\r\n\r\n");
  CHECK(f.verdicts.empty());
  backend->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(f.take_verdicts() == "c:80 healthy status_200\n");
  CHECK(backend->end() == test::FakePeer::End::kClosed);
  CHECK(f.connector->num_waiting() == 0);
  const auto again = f.next_probe();
  CHECK(!again->take_received().empty());
  again->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  CHECK(f.verdicts.empty());  // nothing new
}

TEST_CASE("WithoutAHostTheEndpointIsNamed") {
  Fixture f;
  f.set(fast_check(), {8080});
  CHECK(f.next_probe()->take_received().find("\r\nHost: 10.0.0.1:8080\r\n") != std::string::npos);
}

TEST_CASE("EveryWayToFailCounts") {
  using Fail = void (*)(Fixture&);
  static constexpr std::pair<const char*, Fail> kWays[] = {
      {"status_503",
       [](Fixture& f) { f.next_probe()->send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"); }},
      {"bad_response", [](Fixture& f) { f.next_probe()->send("220 mail.test ESMTP\r\n\r\n"); }},
      {"upstream_reset", [](Fixture& f) { f.next_probe()->end_sending(); }},
      // As TLS 1.3 refuses a client's certificate: after the handshake.
      {"upstream_tls:client_certificate",
       [](Fixture& f) {
         f.next_probe()->break_with({.code = ErrorCode::kUpstreamTls, .what = "client_certificate"});
       }},
      {"timeout",
       [](Fixture& f) {
         const auto silent = f.next_probe();
         f.pass(milliseconds(70));
         CHECK(silent->end() == test::FakePeer::End::kClosed);
       }},
      {"connect_failed",
       [](Fixture& f) {
         f.wait_for_probe();
         f.connector->refuse();
       }},
      {"connect_timeout",
       [](Fixture& f) {
         f.wait_for_probe();
         f.pass(milliseconds(70));
         CHECK(f.connector->num_waiting() == 0);
       }},
  };
  for (const auto& [reason, fail] : kWays) {
    CAPTURE(reason);
    Fixture f;
    f.set(fast_check(), {80});
    fail(f);
    CHECK(f.verdicts.empty());
    fail(f);
    CHECK(f.take_verdicts() == "c:80 unhealthy " + std::string(reason) + "\n");
    fail(f);
    // Said once more: who keeps the verdict may have forgotten it.
    CHECK(f.take_verdicts() == "c:80 unhealthy " + std::string(reason) + "\n");
    for (int i = 0; i < 2; ++i) f.next_probe()->send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    CHECK(f.take_verdicts() == "c:80 healthy status_200\n");
  }
}

TEST_CASE("WhatThisProcessLacksSaysNothingAboutAnEndpoint") {
  Fixture f;
  f.set(fast_check(), {80});
  for (int i = 0; i < 5; ++i) {
    f.wait_for_probe();
    f.connector->refuse(ErrorSide::kSelf);
  }
  CHECK(f.verdicts.empty());
  f.next_probe()->end_sending();
  f.wait_for_probe();
  f.connector->refuse(ErrorSide::kSelf);  // nor does it end a row
  f.next_probe()->end_sending();
  CHECK(f.take_verdicts() == "c:80 unhealthy upstream_reset\n");
}

TEST_CASE("ForTcpAConnectionIsEnough") {
  Fixture f;
  HealthCheck check = fast_check();
  check.type = HealthCheckType::kTcp;
  f.set(check, {80});
  const auto backend = f.next_probe();
  CHECK(f.take_verdicts() == "c:80 healthy connected\n");
  CHECK(backend->is_destroyed());
  CHECK(backend->received().empty());
}

TEST_CASE("AnEndpointThatStaysKeepsItsRowAndOneThatGoesIsProbedNoMore") {
  Fixture f;
  f.set(fast_check(), {80});
  f.next_probe()->end_sending();
  f.set(fast_check(), {80, 81});
  f.set(fast_check(), {80});
  f.next_probe()->end_sending();
  CHECK(f.take_verdicts() == "c:80 unhealthy upstream_reset\n");  // the second failure in a row
  HealthCheck other = fast_check();
  other.path = "/other";
  f.set(other, {80});  // asked for something else, it starts anew
  f.next_probe()->end_sending();
  CHECK(f.verdicts.empty());
  f.checker->remove("c");
  for (int i = 0; i < 50; ++i) f.pass(milliseconds(10));
  CHECK(f.connector->num_waiting() == 0);
  f.set(fast_check(), {});
  CHECK(f.connector->num_waiting() == 0);
}

}  // namespace
}  // namespace ingress::upstream
