// Who may be chosen: slow start, zones, panic.
#include "upstream/cluster_picker.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "upstream/cluster_fixture.h"

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;
using test::ClusterFixture;
using test::weighted_cluster;

constexpr milliseconds kWindow{10'000};

Cluster slow_cluster(LoadBalancing policy, std::size_t num_endpoints) {
  Cluster cluster = weighted_cluster(policy, std::vector<std::uint32_t>(num_endpoints, 1));
  cluster.slow_start.window = kWindow;
  return cluster;
}

// The share of picks of the last endpoint, of what each of the others gets.
double part_of_last(ClusterFixture& fixture, std::size_t num_endpoints) {
  const auto picks = fixture.picks(20'000);
  const auto last = picks.find(static_cast<std::uint16_t>(num_endpoints));
  const double taken = last == picks.end() ? 0 : static_cast<double>(last->second);
  return taken * static_cast<double>(num_endpoints - 1) / (20'000 - taken);
}

TEST_CASE("TheShareOfANewEndpointGrowsWithItsAge") {
  for (const LoadBalancing policy :
       {LoadBalancing::kRoundRobin, LoadBalancing::kRandom, LoadBalancing::kLeastRequest}) {
    CAPTURE(static_cast<int>(policy));
    ClusterFixture fixture(11);
    fixture.serve(slow_cluster(policy, 3));
    CHECK(part_of_last(fixture, 3) == doctest::Approx(1).epsilon(0.07));  // all are equally new
    fixture.now += 2 * kWindow;
    fixture.serve(slow_cluster(policy, 4));
    for (const auto& [age, part] : {std::pair{0, 0.1},
                                    {500, 0.1},
                                    {2500, 0.25},
                                    {5000, 0.5},
                                    {9000, 0.9},
                                    {10'000, 1.0},
                                    {60'000, 1.0}}) {
      CAPTURE(age);
      fixture.now = milliseconds(1'020'000 + age);
      CHECK(part_of_last(fixture, 4) == doctest::Approx(part).epsilon(0.12));
    }
  }
}

TEST_CASE("AggressionGrowsFasterAtFirstAndTheLeastShareIsKept") {
  ClusterFixture fixture(12);
  Cluster cluster = slow_cluster(LoadBalancing::kRoundRobin, 2);
  cluster.slow_start.aggression_percent = 200;
  cluster.slow_start.min_weight_percent = 30;
  fixture.serve(cluster);
  fixture.now += 2 * kWindow;
  cluster.endpoints.push_back({.address = "10.0.0.1", .port = 3});
  fixture.serve(cluster);
  CHECK(part_of_last(fixture, 3) == doctest::Approx(0.3).epsilon(0.05));
  fixture.now += kWindow / 4;
  CHECK(part_of_last(fixture, 3) == doctest::Approx(0.5).epsilon(0.05));  // the root of a quarter
}

TEST_CASE("AnEndpointThatIsAvailableAgainStartsSlowly") {
  ClusterFixture fixture(13);
  fixture.serve(slow_cluster(LoadBalancing::kRoundRobin, 3));
  fixture.now += 2 * kWindow;
  fixture.set_available(3, Availability::kUnavailable);
  CHECK(part_of_last(fixture, 3) == 0);
  fixture.now += 2 * kWindow;
  fixture.set_available(3, Availability::kAvailable);
  CHECK(part_of_last(fixture, 3) == doctest::Approx(0.1).epsilon(0.05));
  fixture.now += kWindow / 2;
  CHECK(part_of_last(fixture, 3) == doctest::Approx(0.5).epsilon(0.05));
}

TEST_CASE("SlowStartMultipliesTheWeightAndSparseTrafficReachesTheNewOne") {
  ClusterFixture fixture(14);
  Cluster cluster = weighted_cluster(LoadBalancing::kRoundRobin, {2, 2, 4});
  cluster.slow_start.window = kWindow;
  fixture.serve(cluster);
  fixture.now += 2 * kWindow;
  cluster.endpoints.push_back({.address = "10.0.0.1", .port = 4, .weight = 8});
  fixture.serve(cluster);
  std::size_t num_new = 0;
  for (int i = 0; i < 1000; ++i) {  // one pick per step of the window: all shares are made anew for each
    num_new += fixture.pick()->key.port == 4 ? 1 : 0;
    fixture.now += kWindow / 100;
    if (i % 20 == 19) {
      fixture.set_available(4, Availability::kUnavailable);
      fixture.set_available(4, Availability::kAvailable);
    }
  }
  CHECK(num_new > 30);  // a share of 0.8 to 1.6 of 8.8 to 9.6: about 110
  CHECK(num_new < 250);
}

// Ports of the first zone count from 1.
Cluster zone_cluster(const std::vector<std::pair<const char*, int>>& zones,
                     LoadBalancing policy = LoadBalancing::kRoundRobin) {
  Cluster cluster{.name = "a", .load_balancing = policy};
  cluster.locality.prefer = ZonePreference::kOwnZone;
  cluster.panic_threshold_percent = 0;
  std::uint16_t port = 0;
  for (const auto& [zone, count] : zones) {
    for (int i = 0; i < count; ++i)
      cluster.endpoints.push_back({.address = "10.0.0.1", .port = ++port, .zone = zone});
  }
  return cluster;
}

// The part of the picks that stay in the zone of the fixture.
double own_part(ClusterFixture& fixture) {
  std::size_t num_own = 0;
  for (int i = 0; i < 1000; ++i) num_own += fixture.pick()->key.zone == "a" ? 1 : 0;
  return static_cast<double>(num_own) / 1000;
}

TEST_CASE("TheOwnZoneTakesAllUntilItIsShort") {
  struct Row {
    std::vector<std::pair<const char*, int>> zones;
    double own;
  };
  for (const Row& row : {Row{{{"a", 3}, {"b", 3}, {"c", 3}}, 1}, Row{{{"a", 1}, {"b", 1}}, 1},
                         Row{{{"a", 5}, {"b", 1}}, 1}, Row{{{"a", 3}, {"b", 5}}, 1},  // 3/8 * 2 * 1.4 = 1.05
                         Row{{{"a", 1}, {"b", 3}}, 0.7},                              // 1/4 * 2 * 1.4
                         Row{{{"a", 1}, {"b", 5}, {"c", 4}}, 0.42},                   // 1/10 * 3 * 1.4
                         Row{{{"b", 2}, {"c", 2}}, 0},                                // nothing of ours
                         Row{{{"a", 2}, {"", 6}}, 0.7}}) {  // without a zone: elsewhere
    CAPTURE(row.own);
    for (const LoadBalancing policy : {LoadBalancing::kRoundRobin, LoadBalancing::kRandom,
                                       LoadBalancing::kLeastRequest, LoadBalancing::kPeakEwma}) {
      ClusterFixture fixture(15, "a");
      fixture.serve(zone_cluster(row.zones, policy));
      CHECK(std::abs(own_part(fixture) - row.own) < 0.0021);
      CHECK((fixture.counters.other_zone.get() > 0) == (row.own > 0 && row.own < 1));
    }
  }
}

TEST_CASE("WhatIsTooMuchForTheOwnZoneSpillsOverAsItsEndpointsGo") {
  ClusterFixture fixture(16, "a");
  fixture.serve(zone_cluster({{"a", 4}, {"b", 4}}));
  const double expected[] = {1, 1, 2 / 6.0 * 2 * 1.4, 1 / 5.0 * 2 * 1.4, 0};
  for (std::uint16_t gone = 0; gone <= 4; ++gone) {
    CAPTURE(gone);
    if (gone > 0) fixture.set_available(gone, Availability::kUnavailable);
    CHECK(std::abs(own_part(fixture) - expected[gone]) < 0.0021);
  }
  for (std::uint16_t port = 5; port <= 8; ++port) fixture.set_available(port, Availability::kUnavailable);
  fixture.set_available(1, Availability::kAvailable);
  CHECK(own_part(fixture) == 1);  // nobody else is left
}

TEST_CASE("WeightsCountAsCapacityOfAZone") {
  ClusterFixture fixture(17, "a");
  Cluster cluster = zone_cluster({{"a", 1}, {"b", 3}});
  cluster.endpoints[0].weight = 3;
  fixture.serve(cluster);
  CHECK(own_part(fixture) == 1);  // 3/6 * 2 * 1.4
}

TEST_CASE("ZonesDoNotMatterUnlessAskedFor") {
  for (const bool is_known : {false, true}) {
    ClusterFixture fixture(18, is_known ? "a" : "");
    Cluster cluster = zone_cluster({{"a", 3}, {"b", 3}});
    if (is_known) cluster.locality.prefer = ZonePreference::kNone;
    fixture.serve(cluster);
    CHECK(own_part(fixture) == doctest::Approx(0.5).epsilon(0.01));
  }
}

TEST_CASE("AnotherZoneHelpsWhenTheOnlyEndpointOfOursHasJustFailed") {
  ClusterFixture fixture(19, "a");
  fixture.serve(zone_cluster({{"a", 1}, {"b", 1}}));
  const EndpointRef own = fixture.pick();
  CHECK(own->key.zone == "a");
  CHECK(fixture.pick({.avoid = own.get()})->key.zone == "b");
}

TEST_CASE("AfterFailuresTheOwnZoneComesFirstThenTheOthersThenWhoeverWasNotLast") {
  for (const LoadBalancing policy : {LoadBalancing::kRoundRobin, LoadBalancing::kRandom,
                                     LoadBalancing::kLeastRequest, LoadBalancing::kPeakEwma}) {
    CAPTURE(static_cast<int>(policy));
    ClusterFixture fixture(22, "a");
    fixture.serve(zone_cluster({{"a", 2}, {"b", 2}}, policy));
    for (int i = 0; i < 30; ++i) {
      std::vector<EndpointRef> failed;
      std::string zones;
      for (int n = 0; n < 6; ++n) {
        const EndpointState* last = failed.empty() ? nullptr : failed.back().get();
        failed.push_back(fixture.pick({.avoid = last, .failed = failed}));
        CHECK(failed.back().get() != last);
        if (n < 4) zones += failed.back()->key.zone;
      }
      CHECK(zones == "aabb");
    }
  }
}

TEST_CASE("WhatSpilledOverComesBackWhenTheOtherZonesFail") {
  ClusterFixture fixture(23, "a");
  fixture.serve(zone_cluster({{"a", 1}, {"b", 3}}));
  std::vector<EndpointRef> failed;
  for (std::uint16_t port = 2; port <= 4; ++port) failed.push_back(test::find(fixture, port));
  for (int i = 0; i < 20; ++i) {  // three of ten are for the others
    CHECK(fixture.pick({.avoid = failed[0].get(), .failed = failed})->key.zone == "a");
  }
}

TEST_CASE("InPanicAllZonesAndEndpointsAreUsedAndItIsCounted") {
  ClusterFixture fixture(20, "a");
  Cluster cluster = zone_cluster({{"a", 2}, {"b", 2}});
  cluster.panic_threshold_percent = 50;
  fixture.serve(cluster);
  for (std::uint16_t port = 1; port <= 2; ++port) fixture.set_available(port, Availability::kUnavailable);
  CHECK(fixture.picks(100).size() == 2);
  CHECK(fixture.counters.panic.get() == 0);
  fixture.set_available(3, Availability::kUnavailable);
  CHECK(fixture.picks(100).size() == 4);
  CHECK(fixture.counters.panic.get() == 100);
}

TEST_CASE("AChangeOfWeightOrZoneKeepsLoadAndConnections") {
  ClusterFixture fixture(21, "a");
  fixture.serve(zone_cluster({{"a", 1}, {"b", 1}}));
  const EndpointRef endpoint = fixture.pick();
  endpoint->begin_exchange();
  Cluster changed = zone_cluster({{"b", 1}, {"a", 1}});
  changed.endpoints[1].weight = 9;
  fixture.serve(changed);
  CHECK(!endpoint->is_retired);
  CHECK(endpoint->num_active == 1);
  CHECK(endpoint->key.zone == "b");
  CHECK(fixture.pick().get() != endpoint.get());  // it is in the other zone now
}

}  // namespace
}  // namespace ingress::upstream
