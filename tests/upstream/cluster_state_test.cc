// What a worker keeps of its clusters when configurations come and go.
#include "upstream/cluster_state.h"

#include <doctest/doctest.h>

#include <set>

#include "upstream/cluster_fixture.h"

namespace ingress::upstream {
namespace {

TEST_CASE("AnEndpointThatStaysKeepsItsStateAndOneThatGoesIsRetired") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1, 2})}).find(0);
  EndpointRef one = fixture.states.pick(*before, {}),
              two = fixture.states.pick(*before, {.avoid = one.get()});
  if (one->key.port == 2) std::swap(one, two);
  one->num_active = 7;
  const ClusterEntry* after = fixture.change({test::cluster_of("a", {1, 3})}).find(0);
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 4; ++i) {
    const EndpointRef picked = fixture.states.pick(*after, {});
    ports.insert(picked->key.port);
    if (picked->key.port == 1) CHECK(picked->num_active == 7);
  }
  CHECK(ports == std::set<std::uint16_t>{1, 3});
  CHECK(two->is_retired);
  CHECK(!one->is_retired);
}

TEST_CASE("APickLeavesOutAllThatFailedBeforeWhileThereIsAnother") {
  for (const LoadBalancing policy :
       {LoadBalancing::kRoundRobin, LoadBalancing::kLeastRequest, LoadBalancing::kRandom,
        LoadBalancing::kPeakEwma, LoadBalancing::kConsistentHash}) {
    for (const std::vector<std::uint32_t>& weights :
         {std::vector<std::uint32_t>{1, 1, 1, 1}, {1, 1000, 1, 2}}) {
      CAPTURE(static_cast<int>(policy));
      CAPTURE(weights[1]);
      test::ClusterFixture fixture;
      fixture.serve(test::weighted_cluster(policy, weights));
      for (int i = 0; i < 50; ++i) {
        const std::string client = std::to_string(i);
        std::vector<EndpointRef> failed;
        std::set<std::uint16_t> ports;
        const EndpointState* last = nullptr;
        for (std::size_t n = 0; n < weights.size(); ++n) {
          failed.push_back(fixture.pick({.avoid = last, .failed = failed, .client_address = client}));
          last = failed.back().get();
          ports.insert(last->key.port);
        }
        CHECK(ports.size() == weights.size());
        const EndpointRef next = fixture.pick({.avoid = last, .failed = failed, .client_address = client});
        REQUIRE(next);
        CHECK(next.get() != last);  // when all have failed: not the last one
      }
    }
  }
}

TEST_CASE("AnOlderVersionOfAClusterAlsoLeavesOutWhatFailed") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1, 2, 3})}).find(0);
  fixture.change({test::cluster_of("a", {9})});
  for (int i = 0; i < 50; ++i) {
    std::vector<EndpointRef> failed;
    std::set<std::uint16_t> ports;
    for (int n = 0; n < 3; ++n) {
      failed.push_back(fixture.states.pick(*before, {.failed = failed}));
      ports.insert(failed.back()->key.port);
    }
    CHECK(ports.size() == 3);
    const EndpointState* last = failed.back().get();
    CHECK(fixture.states.pick(*before, {.avoid = last, .failed = failed})->key.port != last->key.port);
  }
}

TEST_CASE("TheLoadOfAClusterIsSharedUntilItGoes") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1, 2})}).find(0);
  const ClusterLoadRef load = fixture.states.load(*before);
  load->num_retrying = 5;
  const ClusterEntry* after = fixture.change({test::cluster_of("a", {2, 3})}).find(0);
  CHECK(fixture.states.load(*after)->num_retrying == 5);
  fixture.change({}, {"a"});
  CHECK(fixture.states.load(*after)->num_retrying == 0);
}

TEST_CASE("ExchangesOfAClusterAreCountedFromTheFirstQuestionOn") {
  test::ClusterFixture fixture;
  fixture.serve(test::cluster_of("a", {1, 2}));
  const auto num_active = [&] { return fixture.states.num_active(*fixture.entry); };
  const EndpointRef one = test::find(fixture, 1), two = test::find(fixture, 2);
  for (int i = 0; i < 3; ++i) one->begin_exchange();
  CHECK(one->cluster_active == nullptr);  // nobody has asked
  CHECK(num_active() == 3);
  two->begin_exchange(), two->begin_exchange(), one->end_exchange();
  CHECK(num_active() == 4);

  // Those of an endpoint that goes are no longer the cluster's, when they end neither.
  fixture.serve(test::cluster_of("a", {2, 3}));
  CHECK(num_active() == 2);
  one->end_exchange();
  CHECK(num_active() == 2);
  const EndpointRef three = test::find(fixture, 3);
  three->begin_exchange();
  CHECK(num_active() == 3);

  // A cluster of the same name that comes later begins anew.
  const ClusterEntry* last = fixture.entry;
  fixture.change({}, {"a"});
  CHECK(fixture.states.num_active(*last) == 0);
  fixture.serve(test::cluster_of("a", {2, 3}));
  CHECK(num_active() == 0);
  for (const EndpointRef& endpoint : {one, two, two, three}) endpoint->end_exchange();
  CHECK(num_active() == 0);
}

TEST_CASE("APinnedClusterIsServedAfterItWasRemoved") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1})}).find(0);
  fixture.change({}, {"a"});
  const EndpointRef picked = fixture.states.pick(*before, {});
  REQUIRE(picked);
  CHECK(picked->key.port == 1);
  CHECK(picked->is_retired);  // so its connection is not kept
}

TEST_CASE("APinnedClusterUsesItsOwnEndpointsNotTheNewOnes") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1, 2})}).find(0);
  fixture.change({test::cluster_of("a", {2, 3})});
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 50; ++i) ports.insert(fixture.states.pick(*before, {})->key.port);
  CHECK(ports == std::set<std::uint16_t>{1, 2});
}

TEST_CASE("APinnedClusterLeavesOutWhatIsKnownToBeUnavailable") {
  test::ClusterFixture fixture;
  const ClusterEntry* before = fixture.change({test::cluster_of("a", {1, 2, 3})}).find(0);
  fixture.change({test::cluster_of("a", {2, 3})});
  fixture.states.set_available(0, {"10.0.0.1", 2}, Availability::kUnavailable);
  const EndpointRef first = fixture.states.pick(*before, {});
  for (int i = 0; i < 50; ++i) {
    const std::uint16_t port = fixture.states.pick(*before, {.avoid = first.get()})->key.port;
    CHECK(port != 2);
    CHECK(port != first->key.port);
  }
}

TEST_CASE("ASlotIsNotReusedWhileATableKnowsIt") {
  test::ClusterFixture fixture;
  fixture.change({test::cluster_of("a", {1})});
  const ClusterTable& after = fixture.change({test::cluster_of("b", {2})}, {"a"});
  CHECK(after.find(0) == nullptr);
  REQUIRE(after.find(1) != nullptr);
  CHECK(after.find(1)->cluster.name == "b");
  fixture.change({}, {"b"});
  fixture.held.clear();  // nobody knows the old slots any more
  fixture.states.adopt(ClusterTable());
  const ClusterTable& reused = fixture.change({test::cluster_of("c", {3})});
  CHECK(reused.find(0) != nullptr);
}

TEST_CASE("AnEmptyClusterHasNothingToPick") {
  test::ClusterFixture fixture;
  const ClusterEntry* empty = fixture.change({test::cluster_of("a", {})}).find(0);
  CHECK(!fixture.states.pick(*empty, {}));
}

// Ports that 4 picks per endpoint go to.
std::set<std::uint16_t> picked_ports(test::ClusterFixture& fixture, const ClusterEntry& entry) {
  std::set<std::uint16_t> out;
  for (std::size_t i = 0; i < 4 * entry.cluster.endpoints.size(); ++i) {
    if (const EndpointRef picked = fixture.states.pick(entry, {})) out.insert(picked->key.port);
  }
  return out;
}

TEST_CASE("AnUnavailableEndpointIsNotPickedUntilItIsBack") {
  test::ClusterFixture fixture;
  const ClusterEntry* entry = fixture.change({test::cluster_of("a", {1, 2, 3, 4})}).find(0);
  fixture.states.set_available(0, {"10.0.0.1", 3}, Availability::kUnavailable);
  CHECK(picked_ports(fixture, *entry) == std::set<std::uint16_t>{1, 2, 4});
  SUBCASE("and stays so in the next version of its cluster") {
    entry = fixture.change({test::cluster_of("a", {4, 3, 7})}).find(0);
    CHECK(picked_ports(fixture, *entry) == std::set<std::uint16_t>{4, 7});
  }
  SUBCASE("and is a new one when it was away meanwhile") {
    fixture.change({test::cluster_of("a", {1})});
    entry = fixture.change({test::cluster_of("a", {1, 3})}).find(0);
    CHECK(picked_ports(fixture, *entry) == std::set<std::uint16_t>{1, 3});
  }
  fixture.states.set_available(0, {"10.0.0.1", 3}, Availability::kAvailable);
  CHECK(picked_ports(fixture, *entry).contains(3));
}

TEST_CASE("AVerdictOnWhatIsNotThereChangesNothing") {
  test::ClusterFixture fixture;
  const ClusterEntry* entry = fixture.change({test::cluster_of("a", {1, 2})}).find(0);
  fixture.states.set_available(0, {"10.0.0.1", 9}, Availability::kUnavailable);
  fixture.states.set_available(0, {"10.0.0.2", 1}, Availability::kUnavailable);
  fixture.states.set_available(7, {"10.0.0.1", 1}, Availability::kUnavailable);
  CHECK(picked_ports(fixture, *entry) == std::set<std::uint16_t>{1, 2});
}

TEST_CASE("BelowThePanicThresholdAllEndpointsAreUsed") {
  struct Row {
    std::uint32_t threshold;
    std::uint16_t num_unavailable;  // of 4, from port 1 on
    std::set<std::uint16_t> picked;
  };
  for (const Row& row :
       {Row{50, 2, {3, 4}}, Row{50, 3, {1, 2, 3, 4}}, Row{50, 4, {1, 2, 3, 4}}, Row{0, 3, {4}}, Row{0, 4, {}},
        Row{25, 3, {4}}, Row{26, 3, {1, 2, 3, 4}}, Row{100, 0, {1, 2, 3, 4}}, Row{100, 1, {1, 2, 3, 4}}}) {
    CAPTURE(row.threshold);
    CAPTURE(row.num_unavailable);
    test::ClusterFixture fixture;
    Cluster cluster = test::cluster_of("a", {1, 2, 3, 4});
    cluster.panic_threshold_percent = row.threshold;
    const ClusterEntry* entry = fixture.change({cluster}).find(0);
    for (std::uint16_t port = 1; port <= row.num_unavailable; ++port) {
      fixture.states.set_available(0, {"10.0.0.1", port}, Availability::kUnavailable);
    }
    CHECK(picked_ports(fixture, *entry) == row.picked);
  }
}

TEST_CASE("LabelsBracketIpv6") {
  CHECK(EndpointState({"::1", 80}).label == "[::1]:80");
  CHECK(EndpointState({"10.0.0.1", 80}).label == "10.0.0.1:80");
}

}  // namespace
}  // namespace ingress::upstream
