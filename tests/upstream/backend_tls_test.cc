// TLS to backends above the handshake: which endpoints and connections it keeps apart, attempts, probes.
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>

#include "support/fake_connector.h"
#include "tls/test_authority.h"
#include "tls/test_server.h"
#include "upstream/cluster_fixture.h"
#include "upstream/conn_pool.h"
#include "upstream/give_back.h"
#include "upstream/health_checker.h"

namespace ingress::upstream {
namespace {

using ingress::test::FakeConnector;
using ingress::test::FakePeer;
using ingress::test::TestAuthority;
using ingress::test::TestBackend;
using ingress::test::TestServer;
using std::chrono::milliseconds;
using test::cluster_of;
using test::ClusterFixture;

const TestAuthority& authority() {
  static const TestAuthority made;
  return made;
}

BackendTls trusting(std::string server_name = "backend.example") {
  return {.server_name = std::move(server_name), .ca_bundle = authority().pem()};
}

Cluster secure_cluster(const BackendTls& tls = trusting(), const std::string& name = "a") {
  Cluster cluster = cluster_of(name, {1, 2});
  cluster.tls = tls;
  return cluster;
}

struct Loop {
  Loop() : loop(std::move(*net::EventLoop::create())) {}
  ~Loop() { turn(); }
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  // The clock of its timers; turn() alone does not move it.
  void pass(milliseconds time) {
    passed += time;
    loop->post([this] { loop->timers().advance(loop->timers().now() + passed); });
    turn();
  }
  std::unique_ptr<net::EventLoop> loop;
  milliseconds passed{0};
};

TEST_CASE("AnEndpointUnderAnotherPolicyIsAnother") {
  Loop loop;
  ClusterFixture fixture;
  fixture.serve(secure_cluster());
  const EndpointRef before = find(fixture, 1);
  REQUIRE(before->tls != nullptr);
  before->idle.put_back(ClientConnPtr(new H1ClientConn(*loop.loop, FakePeer::make()->take_transport(), {})),
                        {}, {});
  REQUIRE(before->idle.size() == 1);
  // What is no part of the policy changes nothing.
  Cluster other_timeouts = secure_cluster();
  other_timeouts.timeouts.connect = milliseconds(7);
  fixture.serve(other_timeouts);
  CHECK(find(fixture, 1).get() == before.get());
  CHECK(before->idle.size() == 1);

  std::vector<BackendTls> policies(5, trusting());
  policies[0].ca_bundle += TestAuthority("Another").pem();
  const auto shown = authority().issue();
  policies[1].client_certificate = shown.chain;
  policies[1].client_key = {shown.key};
  policies[2].server_name = "other.example";
  policies[3].min_version = TlsVersion::kTls13;
  policies[4].verification = BackendVerification::kNone;
  EndpointRef last = before;
  for (const BackendTls& policy : policies) {
    fixture.serve(secure_cluster(policy));
    const EndpointRef now = find(fixture, 1);
    CHECK(now.get() != last.get());
    CHECK(now->tls != last->tls);
    CHECK(last->is_retired);
    CHECK(last->idle.size() == 0);
    last = now;
  }
  fixture.serve(cluster_of("a", {1, 2}));
  CHECK(find(fixture, 1)->tls == nullptr);
  CHECK(last->is_retired);
}

TEST_CASE("AConnectionOfTheOldPolicyIsNotGivenBackToTheNew") {
  Loop loop;
  ClusterFixture fixture;
  fixture.serve(secure_cluster());
  const EndpointRef before = find(fixture, 1);
  const auto peer = FakePeer::make();
  ClientConnPtr conn(new H1ClientConn(*loop.loop, peer->take_transport(), {}));
  fixture.serve(secure_cluster(trusting("other.example")));
  give_back(*loop.loop, before, std::move(conn), {}, {});
  CHECK(before->idle.size() == 0);
  CHECK(find(fixture, 1)->idle.size() == 0);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

TEST_CASE("AnExchangeThatHoldsTheOldVersionKeepsToItsPolicy") {
  ClusterFixture fixture;
  const ClusterEntry& old_entry = fixture.serve(secure_cluster());
  const tls::ClientContextPtr old_tls = old_entry.tls;
  fixture.serve(secure_cluster(trusting("other.example")));
  for (int i = 0; i < 20; ++i) {
    const EndpointRef picked = fixture.states.pick(old_entry, {});
    REQUIRE(picked);
    CHECK(picked->tls == old_tls);
    CHECK(picked->is_retired);
  }
}

TEST_CASE("WhatIsKnownOfAMachineOutlivesAChangeOfItsPolicy") {
  ClusterFixture fixture;
  fixture.serve(secure_cluster());
  fixture.set_available(1, Availability::kUnavailable);
  fixture.serve(secure_cluster(trusting("other.example")));
  CHECK(fixture.picks(50).contains(2));
  CHECK_FALSE(fixture.picks(50).contains(1));
}

TEST_CASE("ClustersWithOnePolicyShareItsContextAndNoConnections") {
  ClusterFixture fixture;
  const ClusterTable& table = fixture.change({secure_cluster(), secure_cluster(trusting(), "b")});
  CHECK(table.find(0)->tls == table.find(1)->tls);
  CHECK(fixture.states.endpoints(0)[0] != fixture.states.endpoints(1)[0]);
}

TEST_CASE("TlsThatCannotBeReadLeavesNoEndpoints") {
  ClusterFixture fixture;
  const std::vector<Cluster> broken = {secure_cluster({.ca_bundle = "nothing in it"})};
  std::vector<Problem> problems;
  CHECK(fixture.compiler.load_tls(broken, problems).size() == 1);
  REQUIRE(problems.size() == 1);
  CHECK(problems.front().field == "clusters.a.tls.ca_bundle");
  fixture.serve(broken.front());
  CHECK_FALSE(fixture.pick());
}

struct Bench : Loop {
  void connect(const BackendTls& settings, milliseconds timeout = milliseconds(1000)) {
    const std::vector<Cluster> upserts = {secure_cluster(settings)};
    const tls::ClientContextPtr context = compiler.apply(upserts, {})->find(0)->tls;
    REQUIRE(context);
    attempt = connector.connect({"10.0.0.1", 443}, {.proxy_header = proxy_header, .tls = context}, timeout,
                                [this](std::expected<net::TransportPtr, Error> result) {
                                  ++num_calls;
                                  attempt.reset();
                                  if (result) transport = std::move(*result);
                                  if (!result) error = result.error();
                                });
    CHECK(num_calls == 0);
  }
  ~Bench() {
    attempt.reset();
    transport.reset();
    turn();
  }
  std::string what() const { return error ? error->what : ""; }
  std::string proxy_header;
  FakeConnector connector{*loop};
  ClusterCompiler compiler{base::SlotRegistry::create()};
  std::unique_ptr<Connector::Attempt> attempt;
  net::TransportPtr transport;
  std::optional<Error> error;
  int num_calls = 0;
};

TEST_CASE("AProxyHeaderComesInFrontOfTheHandshake") {
  Bench bench;
  bench.proxy_header = "PROXY UNKNOWN\r\n";
  bench.connect(trusting());
  const auto peer = bench.connector.accept();
  bench.turn();
  CHECK(peer->received().starts_with("PROXY UNKNOWN\r\n\x16\x03"));  // and a ClientHello
}

TEST_CASE("NobodyGetsAConnectionBeforeItsHandshakeIsDone") {
  Bench bench;
  bench.connect(trusting());
  const auto peer = bench.connector.accept();
  CHECK(bench.num_calls == 0);
  bench.turn();
  const TestBackend backend({.shown = authority().issue()});
  TestServer server(peer, backend);
  CHECK_FALSE(server.step(1));
  CHECK(bench.num_calls == 1);
  REQUIRE(bench.transport);
  CHECK(bench.transport->is_ready());
  CHECK(server.step());
}

TEST_CASE("ABackendThatIsNotTheOneFailsTheAttempt") {
  Bench bench;
  bench.connect(trusting("other.example"));
  const auto peer = bench.connector.accept();
  bench.turn();
  const TestBackend backend({.shown = authority().issue()});
  TestServer server(peer, backend);
  server.step();
  CHECK(bench.num_calls == 1);
  CHECK(bench.transport == nullptr);
  REQUIRE(bench.error);
  CHECK(bench.error->code == ErrorCode::kUpstreamTls);
  CHECK(bench.what() == "name_mismatch");
  CHECK(bench.error->retry == RetrySafety::kNotSafe);
  CHECK(peer->is_destroyed());
}

TEST_CASE("TheConnectTimeoutIsForTheHandshakeToo") {
  Bench bench;
  bench.connect(trusting(), milliseconds(50));
  bench.pass(milliseconds(30));
  const auto peer = bench.connector.accept();
  bench.turn();
  CHECK_FALSE(peer->received().empty());  // the ClientHello, which nobody answers
  bench.pass(milliseconds(100));
  CHECK(bench.num_calls == 1);
  REQUIRE(bench.error);
  CHECK(bench.error->code == ErrorCode::kUpstreamTls);
  CHECK(bench.what() == "timeout");
  CHECK(bench.error->retry == RetrySafety::kSafe);
  CHECK(peer->is_destroyed());
  CHECK(bench.connector.tls_counters().failures[12].get() == 1);
}

TEST_CASE("WithoutAConnectionItIsAFailureToConnect") {
  Bench bench;
  bench.connect(trusting());
  bench.connector.refuse();
  CHECK(bench.num_calls == 1);
  REQUIRE(bench.error);
  CHECK(bench.error->code == ErrorCode::kConnectFailed);
}

TEST_CASE("AnAttemptThatIsAbandonedClosesItsStreamAndCallsNobody") {
  for (const bool is_open : {false, true}) {
    Bench bench;
    bench.connect(trusting());
    std::shared_ptr<FakePeer> peer;
    if (is_open) {
      peer = bench.connector.accept();
      bench.turn();
    }
    bench.attempt.reset();
    bench.turn();
    CHECK(bench.num_calls == 0);
    CHECK(bench.connector.num_waiting() == 0);
    if (peer) CHECK(peer->is_destroyed());
  }
}

struct Probes : Loop {
  Probes() {
    checker.emplace(*loop, connector, 1,
                    [this](const std::string&, const Endpoint&, Health health, std::string_view reason) {
                      verdicts += health == Health::kHealthy ? "healthy " : "unhealthy ";
                      verdicts += reason;
                    });
  }
  ~Probes() {
    checker.reset();
    turn();
  }
  TestServer next(const TestBackend& backend) {
    for (int i = 0; i < 1000 && connector.num_waiting() == 0; ++i) pass(milliseconds(10));
    REQUIRE(connector.num_waiting() > 0);
    TestServer server(connector.accept(), backend);
    turn();
    server.step();
    return server;
  }
  FakeConnector connector{*loop};
  std::optional<HealthChecker> checker;
  std::string verdicts;
};

TEST_CASE("ProbesSpeakTlsAndTellWhichCheckFailed") {
  Probes probes;
  Cluster cluster = secure_cluster();
  cluster.endpoints.resize(1);
  cluster.health_check = HealthCheck{.interval = milliseconds(20), .unhealthy_threshold = 1};
  ClusterCompiler compiler(base::SlotRegistry::create());
  const std::vector<Cluster> upserts = {cluster};
  const auto table = compiler.apply(upserts, {});
  probes.checker->set(cluster, cluster.endpoints, table->find(0)->tls);
  const TestBackend good({.shown = authority().issue()});
  const TestBackend expired({.shown = authority().issue({.valid_to = std::time(nullptr) - 60})});
  {
    TestServer server = probes.next(good);
    CHECK(server.read().starts_with("GET / HTTP/1.1\r\n"));
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  }
  CHECK(std::exchange(probes.verdicts, {}) == "healthy status_200");
  probes.next(expired);
  CHECK(std::exchange(probes.verdicts, {}) == "unhealthy upstream_tls:expired");
}

}  // namespace
}  // namespace ingress::upstream
