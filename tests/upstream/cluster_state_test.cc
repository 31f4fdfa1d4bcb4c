// What a worker keeps of its clusters when configurations come and go.
#include "upstream/cluster_state.h"

#include <doctest/doctest.h>

#include <set>

namespace ingress::upstream {
namespace {

Cluster cluster_of(const std::string& name, std::vector<std::uint16_t> ports) {
  Cluster cluster{.name = name};
  for (const std::uint16_t port : ports) cluster.endpoints.push_back({"10.0.0.1", port});
  return cluster;
}

struct Fixture {
  ClusterCompiler compiler{base::SlotRegistry::create()};
  ClusterStates states{1};
  std::vector<std::shared_ptr<const ClusterTable>> held;

  const ClusterTable& change(std::vector<Cluster> upserts, std::vector<std::string> removals = {}) {
    held.push_back(compiler.apply(upserts, removals));
    states.adopt(*held.back());
    return *held.back();
  }
};

TEST_CASE("AnEndpointThatStaysKeepsItsStateAndOneThatGoesIsRetired") {
  Fixture fixture;
  const ClusterEntry* before = fixture.change({cluster_of("a", {1, 2})}).find(0);
  EndpointRef one = fixture.states.pick(*before, nullptr), two = fixture.states.pick(*before, one.get());
  if (one->key.port == 2) std::swap(one, two);
  one->num_active = 7;
  const ClusterEntry* after = fixture.change({cluster_of("a", {1, 3})}).find(0);
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 4; ++i) {
    const EndpointRef picked = fixture.states.pick(*after, nullptr);
    ports.insert(picked->key.port);
    if (picked->key.port == 1) CHECK(picked->num_active == 7);
  }
  CHECK(ports == std::set<std::uint16_t>{1, 3});
  CHECK(two->is_retired);
  CHECK(!one->is_retired);
}

TEST_CASE("APinnedClusterIsServedAfterItWasRemoved") {
  Fixture fixture;
  const ClusterEntry* before = fixture.change({cluster_of("a", {1})}).find(0);
  fixture.change({}, {"a"});
  const EndpointRef picked = fixture.states.pick(*before, nullptr);
  REQUIRE(picked);
  CHECK(picked->key.port == 1);
  CHECK(picked->is_retired);  // so its connection is not kept
}

TEST_CASE("APinnedClusterUsesItsOwnEndpointsNotTheNewOnes") {
  Fixture fixture;
  const ClusterEntry* before = fixture.change({cluster_of("a", {1, 2})}).find(0);
  fixture.change({cluster_of("a", {2, 3})});
  std::set<std::uint16_t> ports;
  for (int i = 0; i < 50; ++i) ports.insert(fixture.states.pick(*before, nullptr)->key.port);
  CHECK(ports == std::set<std::uint16_t>{1, 2});
}

TEST_CASE("ASlotIsNotReusedWhileATableKnowsIt") {
  Fixture fixture;
  fixture.change({cluster_of("a", {1})});
  const ClusterTable& after = fixture.change({cluster_of("b", {2})}, {"a"});
  CHECK(after.find(0) == nullptr);
  REQUIRE(after.find(1) != nullptr);
  CHECK(after.find(1)->cluster.name == "b");
  fixture.change({}, {"b"});
  fixture.held.clear();  // nobody knows the old slots any more
  fixture.states.adopt(ClusterTable());
  const ClusterTable& reused = fixture.change({cluster_of("c", {3})});
  CHECK(reused.find(0) != nullptr);
}

TEST_CASE("AnEmptyClusterHasNothingToPick") {
  Fixture fixture;
  const ClusterEntry* empty = fixture.change({cluster_of("a", {})}).find(0);
  CHECK(!fixture.states.pick(*empty, nullptr));
}

TEST_CASE("LabelsBracketIpv6") {
  CHECK(EndpointState({"::1", 80}).label == "[::1]:80");
  CHECK(EndpointState({"10.0.0.1", 80}).label == "10.0.0.1:80");
}

}  // namespace
}  // namespace ingress::upstream
