// Who decides about the health of endpoints, and who hears of it.
#include "proxy/health_board.h"

#include <doctest/doctest.h>

#include <deque>
#include <thread>

namespace ingress::proxy {
namespace {

using std::chrono::milliseconds;
using upstream::EjectionReason;
using upstream::Health;

Endpoint at(std::uint16_t port) {
  return {.address = "10.0.0.1", .port = port};
}

Cluster cluster_of(const std::string& name, std::uint16_t num_endpoints) {
  Cluster cluster{.name = name, .health_check = HealthCheck{}, .outlier_detection = OutlierDetection{}};
  for (std::uint16_t i = 1; i <= num_endpoints; ++i) cluster.endpoints.push_back(at(i));
  return cluster;
}

// What two workers hear, as "c:1-" (taken out) and "c:1+" (let in).
struct Fixture {
  Fixture() {
    for (unsigned i = 0; i < 2; ++i) {
      board.join(
          i, [this, i](std::move_only_function<void()> call) { posted[i].push_back(std::move(call)); },
          [this, i](const std::string& cluster, const Endpoint& endpoint) {
            heard[i] += cluster + ":" + std::to_string(endpoint.port) +
                        (board.is_available(cluster, endpoint) ? "+ " : "- ");
          });
    }
  }
  void publish(std::vector<Cluster> upserts, std::vector<std::string> removals = {}) {
    table = compiler.apply(upserts, removals);
    board.sync(*table);
  }
  // What both heard since the last time; they must have heard the same.
  std::string hear() {
    for (auto& queue : posted) {
      for (; !queue.empty(); queue.pop_front()) queue.front()();
    }
    CHECK(heard[0] == heard[1]);
    heard[1].clear();
    return std::exchange(heard[0], {});
  }
  HealthBoard::State state(const std::string& cluster, std::uint16_t port) {
    HealthBoard::State found;
    board.read(cluster, [&](const Endpoint& endpoint, const HealthBoard::State& state) {
      if (endpoint == at(port)) found = state;
    });
    return found;
  }
  HealthBoard board;
  upstream::ClusterCompiler compiler{base::SlotRegistry::create()};
  std::shared_ptr<const upstream::ClusterTable> table;
  std::deque<std::move_only_function<void()>> posted[2];
  std::string heard[2];
};

TEST_CASE("AVerdictIsToldToAllWorkersOnceAndNothingIsKnownBefore") {
  Fixture f;
  f.publish({cluster_of("c", 2)});
  CHECK(f.state("c", 1).health == Health::kUnprobed);
  CHECK(f.state("c", 1).is_available());
  f.board.set_health("c", at(1), Health::kHealthy, "status_200");
  CHECK(f.hear().empty());  // it counted as healthy before
  f.board.set_health("c", at(1), Health::kUnhealthy, "status_500");
  f.board.set_health("c", at(1), Health::kUnhealthy, "status_500");
  CHECK(f.hear() == "c:1- ");
  CHECK(f.state("c", 1).reason == "status_500");
  CHECK(f.state("c", 1).since_unix_ms > 0);
  f.board.set_health("c", at(1), Health::kHealthy, "status_200");
  CHECK(f.hear() == "c:1+ ");
  f.board.set_health("c", at(9), Health::kUnhealthy, "timeout");
  f.board.set_health("d", at(1), Health::kUnhealthy, "timeout");
  CHECK(f.hear().empty());
}

TEST_CASE("AnEjectionEndsAfterItsTimeAndTheNextOneIsLonger") {
  Fixture f;
  Cluster cluster = cluster_of("c", 5);
  cluster.outlier_detection = {.base_ejection_time = milliseconds(100),
                               .max_ejection_time = milliseconds(300)};
  f.publish({cluster});
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(1'000));
  CHECK(f.hear() == "c:1- ");
  CHECK(f.state("c", 1).reason == "consecutive_5xx");
  f.board.end_interval("c", milliseconds(1'099));
  CHECK(f.hear().empty());
  f.board.end_interval("c", milliseconds(1'100));
  CHECK(f.hear() == "c:1+ ");
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(1'100));
  f.board.end_interval("c", milliseconds(1'200));
  CHECK(f.hear() == "c:1- ");
  f.board.end_interval("c", milliseconds(1'300));
  CHECK(f.hear() == "c:1+ ");
  CHECK(f.state("c", 1).num_ejections == 2);
  f.board.end_interval("c", milliseconds(1'400));
  f.board.end_interval("c", milliseconds(1'500));
  CHECK(f.state("c", 1).num_ejections == 0);  // forgotten, one for each interval that went well
  CHECK(f.board.num_ejections() == 2);
}

TEST_CASE("NoMoreThanTheLargestShareIsEjectedWhoeverAsks") {
  Fixture f;
  Cluster cluster = cluster_of("c", 10);
  cluster.outlier_detection->max_ejection_percent = 20;
  f.publish({cluster});
  {
    std::vector<std::jthread> workers;
    for (std::uint16_t port = 1; port <= 10; ++port) {
      workers.emplace_back(
          [&f, port] { f.board.eject("c", at(port), EjectionReason::kConsecutive5xx, milliseconds(0)); });
    }
  }
  int num_ejected = 0;
  f.board.read("c",
               [&](const Endpoint&, const HealthBoard::State& state) { num_ejected += state.is_ejected; });
  CHECK(num_ejected == 2);
}

TEST_CASE("TheLastAvailableEndpointIsNotEjectedAndThoseEjectedComeBackWhenTheOthersGo") {
  Fixture f;
  Cluster cluster = cluster_of("c", 3);
  cluster.outlier_detection->max_ejection_percent = 100;
  f.publish({cluster});
  f.board.set_health("c", at(1), Health::kUnhealthy, "timeout");
  f.board.eject("c", at(2), EjectionReason::kConsecutive5xx, milliseconds(0));
  CHECK(f.hear() == "c:1- c:2- ");
  f.board.eject("c", at(3), EjectionReason::kConsecutive5xx, milliseconds(0));
  CHECK(f.hear().empty());
  SUBCASE("by a check") {
    f.board.set_health("c", at(3), Health::kUnhealthy, "timeout");
    CHECK(f.hear() == "c:3- c:2+ ");
  }
  SUBCASE("by a change") {
    cluster.endpoints.pop_back();
    f.publish({cluster});
    CHECK(f.hear() == "c:2+ ");
  }
  CHECK(f.state("c", 2).num_ejections == 1);
}

TEST_CASE("AnEndpointComesBackOnlyWhenBothChecksLetIt") {
  Fixture f;
  f.publish({cluster_of("c", 5)});
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(0));
  f.board.set_health("c", at(1), Health::kUnhealthy, "timeout");
  CHECK(f.hear() == "c:1- ");
  f.board.end_interval("c", milliseconds(30'000));
  CHECK(f.hear().empty());
  f.board.set_health("c", at(1), Health::kHealthy, "status_200");
  CHECK(f.hear() == "c:1+ ");
}

TEST_CASE("SuccessRatesOfAllWorkersTogetherAreComparedOnceAnInterval") {
  Fixture f;
  f.publish({cluster_of("c", 6)});
  for (int worker = 0; worker < 2; ++worker) {
    std::vector<HealthBoard::Counts> counts;
    // Half of what is needed from each worker.
    for (std::uint16_t port = 1; port <= 6; ++port) counts.push_back({at(port), {50, port == 3 ? 10U : 50U}});
    f.board.add_counts("c", counts);
  }
  f.board.end_interval("c", milliseconds(0));
  CHECK(f.hear() == "c:3- ");
  CHECK(f.state("c", 3).reason == "success_rate");
  f.board.end_interval("c", milliseconds(1));  // nothing is counted twice
  CHECK(f.hear().empty());
}

TEST_CASE("WhatIsKnownSurvivesAConfigurationThatKeepsTheEndpointAndNothingElseDoes") {
  Fixture f;
  f.publish({cluster_of("c", 5), cluster_of("d", 2)});
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(0));
  f.board.set_health("c", at(2), Health::kUnhealthy, "timeout");
  f.board.set_health("d", at(1), Health::kUnhealthy, "timeout");
  f.hear();
  Cluster changed = cluster_of("c", 3);
  changed.timeouts.connect = milliseconds(77);
  f.publish({changed}, {"d"});
  CHECK(f.hear().empty());
  CHECK(f.state("c", 1).is_ejected);
  CHECK(f.state("c", 2).health == Health::kUnhealthy);
  f.publish({cluster_of("d", 2)});
  CHECK(f.state("d", 1).is_available());
  changed.endpoints.erase(changed.endpoints.begin());  // the ejected one
  f.publish({changed});
  changed.endpoints.push_back(at(1));
  f.publish({changed});
  CHECK(!f.state("c", 1).is_ejected);
  f.board.eject("c", at(3), EjectionReason::kConsecutive5xx, milliseconds(0));
  CHECK(f.hear() == "c:3- ");  // the one that went counts no more
}

TEST_CASE("WithoutTheCheckThatTookItOutAnEndpointComesBack") {
  Fixture f;
  Cluster cluster = cluster_of("c", 5);
  f.publish({cluster});
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(0));
  f.board.set_health("c", at(2), Health::kUnhealthy, "timeout");
  f.hear();
  cluster.outlier_detection.reset();
  f.publish({cluster});
  CHECK(f.hear() == "c:1+ ");
  cluster.health_check->path = "/other";
  f.publish({cluster});
  CHECK(f.hear() == "c:2+ ");
  f.board.set_health("c", at(2), Health::kUnhealthy, "timeout");
  f.hear();
  cluster.health_check.reset();
  f.publish({cluster});
  CHECK(f.hear() == "c:2+ ");
  CHECK(f.state("c", 2).health == Health::kUnprobed);
}

TEST_CASE("WhoHearsLateHearsWhatHoldsNow") {
  Fixture f;
  const Cluster cluster = cluster_of("c", 5);
  f.publish({cluster});
  f.board.eject("c", at(1), EjectionReason::kConsecutive5xx, milliseconds(0));
  // Before a worker hears of it, the endpoint goes and comes back as another one of the same address.
  Cluster without = cluster;
  without.endpoints.erase(without.endpoints.begin());
  f.publish({without});
  f.publish({cluster});
  CHECK(f.hear() == "c:1+ ");
}

TEST_CASE("WhoHasLeftIsToldNothing") {
  Fixture f;
  f.publish({cluster_of("c", 2)});
  f.board.leave(0);
  f.board.leave(1);
  f.board.set_health("c", at(1), Health::kUnhealthy, "timeout");
  CHECK(f.posted[0].empty());
  CHECK(f.posted[1].empty());
}

}  // namespace
}  // namespace ingress::proxy
