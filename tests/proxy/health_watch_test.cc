// The part of each worker in health: two workers on one thread, with time that goes by when the test says so.
#include "proxy/health_watch.h"

#include <doctest/doctest.h>

#include <optional>
#include <set>

#include "support/fake_connector.h"

namespace ingress::proxy {
namespace {

using std::chrono::milliseconds;
using upstream::Availability;
using upstream::TryOutcome;

struct FakeWorker {
  FakeWorker(unsigned index, std::shared_ptr<HealthBoard> board) {
    auto made = net::EventLoop::create();
    REQUIRE(made);
    loop = std::move(*made);
    loop->timers().set_clock(
        [](const void* self) {
          const auto* worker = static_cast<const FakeWorker*>(self);
          return worker->loop->now() + worker->passed;
        },
        this);
    connector.emplace(*loop);
    watch.emplace(index, 2, *loop, clusters, *connector, std::move(board));
  }
  ~FakeWorker() {
    watch.reset();
    clusters.adopt(upstream::ClusterTable());
    turn();
  }
  void adopt(const upstream::ClusterTable& table) {
    clusters.adopt(table);
    watch->adopt(table);
  }
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  void pass(milliseconds time) {
    loop->post([this, time] {
      passed += time;
      loop->timers().advance(loop->now() + passed);
    });
    turn();
  }
  upstream::EndpointState& endpoint(std::size_t position) { return *clusters.endpoints(0)[position]; }
  bool is_available(std::size_t position) {
    return endpoint(position).availability == Availability::kAvailable;
  }

  std::unique_ptr<net::EventLoop> loop;
  upstream::ClusterStates clusters{{.seed = 1}};
  std::optional<test::FakeConnector> connector;
  std::optional<HealthWatch> watch;
  milliseconds passed{0};
};

// Two workers of a server with one cluster, whose slot is 0.
struct Fixture {
  explicit Fixture(const Cluster& cluster) { publish(cluster); }
  void publish(const Cluster& cluster) {
    // The table before stays until its endpoints have handed over their state.
    const auto before = std::exchange(table, compiler.apply(std::vector{cluster}, {}));
    board->sync(*table);
    for (auto& worker : workers) worker.adopt(*table);
  }
  void turn() {
    for (auto& worker : workers) worker.turn();
  }
  void pass(milliseconds time) {
    for (auto& worker : workers) worker.pass(time);
  }

  std::shared_ptr<HealthBoard> board = std::make_shared<HealthBoard>();
  upstream::ClusterCompiler compiler{base::SlotRegistry::create()};
  std::shared_ptr<const upstream::ClusterTable> table = std::make_shared<upstream::ClusterTable>();
  FakeWorker workers[2] = {{0, board}, {1, board}};
};

Cluster cluster_of(std::uint16_t num_endpoints) {
  Cluster cluster{.name = "c"};
  for (std::uint16_t i = 1; i <= num_endpoints; ++i)
    cluster.endpoints.push_back({.address = "10.0.0.1", .port = i});
  return cluster;
}

Cluster with_detection(std::uint16_t num_endpoints) {
  Cluster cluster = cluster_of(num_endpoints);
  cluster.outlier_detection = OutlierDetection{.consecutive_5xx = 3,
                                               .interval = milliseconds(50),
                                               .base_ejection_time = milliseconds(1),
                                               .max_ejection_time = milliseconds(1)};
  return cluster;
}

TEST_CASE("EachEndpointIsProbedByOneWorkerAndTheVerdictHoldsForAll") {
  Cluster cluster = cluster_of(40);
  cluster.health_check = HealthCheck{.type = HealthCheckType::kTcp,
                                     .interval = milliseconds(100),
                                     .timeout = milliseconds(60'000),
                                     .unhealthy_threshold = 1};
  Fixture f(cluster);
  f.pass(milliseconds(200));
  const std::size_t first = f.workers[0].connector->num_waiting(),
                    second = f.workers[1].connector->num_waiting();
  CHECK(first + second == 40);
  CHECK(first > 0);
  CHECK(second > 0);
  f.workers[0].connector->refuse();
  f.turn();
  std::set<std::size_t> out[2];
  for (std::size_t position = 0; position < 40; ++position) {
    for (int i = 0; i < 2; ++i) {
      if (!f.workers[i].is_available(position)) out[i].insert(position);
    }
  }
  CHECK(out[0].size() == 1);
  CHECK(out[0] == out[1]);
}

TEST_CASE("ARowInOneWorkerEjectsForAllAndTheIntervalAfterItsTimeLetsItIn") {
  Fixture f(with_detection(4));
  upstream::EndpointState& bad = f.workers[1].endpoint(2);
  bad.note(TryOutcome::kServerError);
  bad.note(TryOutcome::kServerError);
  f.workers[0].endpoint(2).note(TryOutcome::kServerError);  // rows are each worker's own
  f.turn();
  CHECK(f.workers[0].is_available(2));
  bad.note(TryOutcome::kServerError);
  f.turn();
  for (FakeWorker& worker : f.workers) {
    CHECK(!worker.is_available(2));
    CHECK(worker.is_available(1));
  }
  // The ejection lasts for 1 ms of the clock: by some interval it is over.
  for (int i = 0; i < 10'000 && !f.workers[0].is_available(2); ++i) f.pass(milliseconds(60));
  f.turn();
  for (FakeWorker& worker : f.workers) CHECK(worker.is_available(2));
}

TEST_CASE("SuccessRatesOfAllWorkersAreComparedAtTheEndOfAnInterval") {
  Cluster cluster = with_detection(6);
  cluster.outlier_detection->consecutive_5xx = 0;
  cluster.outlier_detection->base_ejection_time = cluster.outlier_detection->max_ejection_time =
      std::chrono::hours(1);
  Fixture f(cluster);
  // Two rounds: who compares may do so before the other has reported its part of the first.
  for (int round = 0; round < 2; ++round) {
    for (FakeWorker& worker : f.workers) {
      for (std::size_t position = 0; position < 6; ++position) {
        for (int i = 0; i < 50; ++i) {  // half of what is needed to be compared
          const bool is_failure = position == 3 && i % 2 == 0;
          worker.endpoint(position).note(is_failure ? TryOutcome::kServerError : TryOutcome::kOk);
        }
      }
    }
    f.pass(milliseconds(60));
    f.turn();
  }
  for (std::size_t position = 0; position < 6; ++position) {
    CAPTURE(position);
    CHECK(f.workers[0].is_available(position) == (position != 3));
    CHECK(f.workers[1].is_available(position) == (position != 3));
  }
}

TEST_CASE("WhatWasDecidedBeforeAWorkerAdoptsIsFoundThen") {
  Cluster cluster = with_detection(4);
  Fixture f(cluster);
  f.board->eject("c", cluster.endpoints[0], upstream::EjectionReason::kConsecutive5xx, milliseconds(0));
  cluster.endpoints.push_back({.address = "10.0.0.1", .port = 9});
  f.publish(cluster);  // before the workers have heard of the ejection
  for (FakeWorker& worker : f.workers) {
    CHECK(!worker.is_available(0));
    CHECK(worker.is_available(4));
    worker.turn();
    CHECK(!worker.is_available(0));
  }
}

TEST_CASE("AnEndpointThatWentAndCameBackIsNotKeptOutByAnOldVerdict") {
  const Cluster cluster = with_detection(4);
  Cluster without = cluster;
  without.endpoints.erase(without.endpoints.begin());
  Fixture f(cluster);
  f.board->eject("c", cluster.endpoints[0], upstream::EjectionReason::kConsecutive5xx, milliseconds(0));
  f.publish(without);
  f.publish(cluster);
  f.turn();
  for (FakeWorker& worker : f.workers) CHECK(worker.is_available(0));
}

TEST_CASE("ClustersWithoutChecksAreNotWatchedNorThoseThatLoseThem") {
  Fixture f(cluster_of(2));
  CHECK(f.workers[0].endpoint(0).outlier == nullptr);
  f.publish(with_detection(2));
  upstream::EndpointState& endpoint = f.workers[0].endpoint(0);
  REQUIRE(endpoint.outlier != nullptr);
  for (int i = 0; i < 3; ++i) endpoint.note(TryOutcome::kGatewayFailure);
  f.turn();
  CHECK(!f.workers[1].is_available(0));
  f.publish(cluster_of(2));
  CHECK(f.workers[0].endpoint(0).outlier == nullptr);
  for (FakeWorker& worker : f.workers) CHECK(worker.is_available(0));
  f.turn();
  for (FakeWorker& worker : f.workers) CHECK(worker.is_available(0));
}

}  // namespace
}  // namespace ingress::proxy
