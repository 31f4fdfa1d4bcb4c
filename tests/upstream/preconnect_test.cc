// Connections that are there before the requests.
#include "upstream/preconnect.h"

#include <doctest/doctest.h>
#include <uv.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/net_fixture.h"

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;
using test::LoopFixture;
using test::RawSocket;

// A backend that the test accepts for; connecting needs only its backlog.
struct Bench {
  LoopFixture fixture;
  RawSocket listener = RawSocket::listen_on("127.0.0.1", 64);
  ClusterCompiler compiler{base::SlotRegistry::create()};
  ClusterStates states{{.seed = 1}};
  Connector connector{fixture.loop(), nullptr, LocalBackends::kAllowed};
  Preconnector preconnector{fixture.loop(), connector, states};
  std::vector<std::shared_ptr<const ClusterTable>> held;

  ~Bench() {
    preconnector.stop();
    states.adopt(ClusterTable());
    fixture.run_turns();
  }
  Cluster cluster(std::uint32_t preconnect) const {
    Cluster result{.name = "a", .endpoints = {{"127.0.0.1", listener.port()}}};
    result.limits.preconnect = preconnect;
    return result;
  }
  void change(std::vector<Cluster> upserts, std::vector<std::string> removals = {}) {
    held.push_back(compiler.apply(upserts, removals));
    states.adopt(*held.back());
    preconnector.adopt(*held.back());
  }
  ConnPool& pool(std::size_t endpoint = 0) { return states.endpoints(0)[endpoint]->idle; }
  void wait_for_idle(std::size_t num) {
    fixture.run_until([&] { return pool().size() == num; });
  }
};

TEST_CASE("AsManyConnectionsAsWantedAreOpenedAheadAndNoMore") {
  Bench bench;
  bench.change({bench.cluster(3)});
  bench.wait_for_idle(3);
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.pool().size() == 3);
  CHECK(bench.preconnector.num_opened().get() == 3);
}

TEST_CASE("WithoutTheWishNoneIsOpened") {
  Bench bench;
  bench.change({bench.cluster(0)});
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.pool().size() == 0);
  CHECK(bench.preconnector.num_opened().get() == 0);
}

TEST_CASE("NoneIsOpenedForAClientThatIsNotKnownYet") {
  Bench bench;
  Cluster cluster = bench.cluster(2);
  cluster.proxy_protocol = ProxyProtocol::kV1;
  bench.change({cluster});
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.preconnector.num_opened().get() == 0);
  bench.change({bench.cluster(2)});
  bench.wait_for_idle(2);
}

TEST_CASE("WhatARequestTakesIsReplaced") {
  Bench bench;
  bench.change({bench.cluster(2)});
  bench.wait_for_idle(2);
  const ClientConnPtr one = bench.pool().take(), two = bench.pool().take();
  CHECK(one);
  CHECK(two);
  bench.wait_for_idle(2);
  CHECK(bench.preconnector.num_opened().get() == 4);
}

TEST_CASE("NoMoreAreOpenedThanThePoolKeeps") {
  Bench bench;
  Cluster cluster = bench.cluster(5);
  cluster.limits.max_idle_connections = 2;
  bench.change({cluster});
  bench.wait_for_idle(2);
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.preconnector.num_opened().get() == 2);
}

TEST_CASE("AChangeOfTheWishIsFollowed") {
  Bench bench;
  bench.change({bench.cluster(1)});
  bench.wait_for_idle(1);
  bench.change({bench.cluster(3)});
  bench.wait_for_idle(3);
  bench.change({bench.cluster(0)});
  const ClientConnPtr taken = bench.pool().take();
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.pool().size() == 2);
}

TEST_CASE("ABackendThatRefusesOrClosesIsNotHammered") {
  for (const bool is_listening : {true, false}) {
    CAPTURE(is_listening);
    Bench bench;
    Cluster cluster = bench.cluster(1);
    if (!is_listening) bench.listener.close();
    bench.change({cluster});
    if (is_listening) {
      bench.wait_for_idle(1);
      {
        const RawSocket accepted = bench.listener.accept();
      }
      bench.wait_for_idle(0);
    } else {
      bench.fixture.run_until([&] { return bench.preconnector.num_failed().get() == 1; });
    }
    // The pause is a second at least; a machine that sleeps through it proves nothing.
    const auto begin = std::chrono::steady_clock::now();
    bench.fixture.run_for(milliseconds(200));
    if (std::chrono::steady_clock::now() - begin > Preconnector::kMinPause / 2) continue;
    CHECK(bench.preconnector.num_opened().get() + bench.preconnector.num_failed().get() == 1);
  }
}

TEST_CASE("APauseIsForgottenWhenARequestTakesAConnection") {
  Bench bench;
  bench.change({bench.cluster(2)});
  bench.wait_for_idle(2);
  {
    const RawSocket accepted = bench.listener.accept();
  }
  bench.wait_for_idle(1);
  const ClientConnPtr taken = bench.pool().take();
  CHECK(taken);
  // On the same loop, so that a machine that is slow is slow for both.
  bool is_pause_over = false;
  net::Timer pause([](void* flag) { *static_cast<bool*>(flag) = true; }, &is_pause_over);
  pause.set(bench.fixture.loop().timers(), Preconnector::kMinPause * 9 / 10);
  bench.wait_for_idle(2);
  CHECK_FALSE(is_pause_over);
}

TEST_CASE("ConnectionsThatLastedForLongAreReplacedAfterTheShortestPauseHoweverOften") {
  struct Clock {
    const net::EventLoop* loop = nullptr;
    milliseconds passed{0};
    milliseconds now() const { return loop->now() + passed; }
  } clock;  // outlives the loop
  Bench bench;
  net::EventLoop& loop = bench.fixture.loop();
  clock.loop = &loop;
  loop.timers().set_clock([](const void* self) { return static_cast<const Clock*>(self)->now(); }, &clock);
  const auto pass = [&](milliseconds time) {
    clock.passed += time;
    loop.timers().advance(clock.now());
  };
  Cluster cluster = bench.cluster(2);
  bench.change({cluster});
  for (int i = 0; i < 6; ++i) {
    const milliseconds begin = clock.now();
    while (bench.pool().size() < 2) {
      pass(milliseconds(1));
      uv_run(loop.uv_loop(), UV_RUN_NOWAIT);
    }
    CHECK(clock.now() - begin < 10 * Preconnector::kMinPause);
    pass(cluster.timeouts.idle_connection + milliseconds(500));
    CHECK(bench.pool().size() == 0);
  }
}

TEST_CASE("WhereConnectionsAreLimitedThoseOpenedAheadCountAndRequestsGoFirst") {
  Bench bench;
  const auto breakers = std::make_shared<BreakerRegistry>();
  bench.states.use_breakers(breakers, [&](auto call) { bench.fixture.loop().post(std::move(call)); });
  Cluster cluster = bench.cluster(5);
  cluster.circuit_breakers.max_connections = 2;
  bench.change({cluster});
  bench.wait_for_idle(2);
  bench.fixture.run_for(milliseconds(50));
  const auto num_counted = [&] { return breakers->list().front().second->current(Resource::kConnections); };
  CHECK(bench.preconnector.num_opened().get() == 2);
  CHECK(num_counted() == 2);
  {
    const auto gate = bench.states.gate(*bench.held.back()->find(0));
    CHECK_FALSE(gate->take_connection(2));
    CHECK(gate->shed());
    const Permit permit = gate->take_connection(2);
    CHECK(permit);
    CHECK(bench.pool().size() == 1);
    CHECK(num_counted() == 2);
  }
  bench.change({}, {"a"});
  CHECK(breakers->list().empty());
}

TEST_CASE("AnEndpointThatGoesGetsNoMoreConnectionsAndOneThatStaysKeepsThem") {
  Bench bench;
  const RawSocket other = RawSocket::listen_on("127.0.0.1");
  Cluster both = bench.cluster(1);
  both.endpoints.push_back({"127.0.0.1", other.port()});
  bench.change({both});
  bench.fixture.run_until([&] { return bench.pool(0).size() == 1 && bench.pool(1).size() == 1; });
  bench.change({bench.cluster(1)});
  REQUIRE(bench.states.endpoints(0).size() == 1);
  CHECK(bench.pool().size() == 1);
  bench.change({}, {"a"});
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.preconnector.num_opened().get() == 2);
}

TEST_CASE("AfterStopNothingIsOpened") {
  Bench bench;
  bench.change({bench.cluster(2)});
  bench.preconnector.stop();
  bench.change({bench.cluster(3)});
  bench.fixture.run_for(milliseconds(50));
  CHECK(bench.preconnector.num_opened().get() == 0);
}

}  // namespace
}  // namespace ingress::upstream
