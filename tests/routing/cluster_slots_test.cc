#include "routing/cluster_slots.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "routing/route_compiler.h"

using ingress::routing::ClusterLease;
using ingress::routing::ClusterSlots;

TEST_CASE("A name keeps its slot while anybody holds it") {
  const auto slots = ClusterSlots::create();
  const ClusterLease first = slots->lease("a");
  const ClusterLease second = slots->lease("a");
  CHECK(first == second);
  CHECK(first->name == "a");
  CHECK(slots->lease("b")->index != first->index);
}

TEST_CASE("The lowest free index is given next") {
  const auto slots = ClusterSlots::create();
  std::vector<ClusterLease> leases;
  for (int i = 0; i < 5; ++i) leases.push_back(slots->lease("cluster-" + std::to_string(i)));
  for (std::uint32_t i = 0; i < 5; ++i) CHECK(leases[i]->index == i);
  leases[3].reset();
  leases[1].reset();
  CHECK(slots->lease("other")->index == 1);
  const ClusterLease one = slots->lease("one");
  const ClusterLease three = slots->lease("three");
  CHECK(one->index == 1);
  CHECK(three->index == 3);
  CHECK(slots->lease("five")->index == 5);
  CHECK(slots->size() == 6);
}

TEST_CASE("A lease may outlive the last other holder of the registry") {
  auto slots = ClusterSlots::create();
  ClusterLease lease = slots->lease("a");
  slots.reset();
  CHECK(lease->index == 0);
  lease.reset();
}

TEST_CASE("A slot of a removed route is reused only when the last table that knows it is gone") {
  using namespace ingress;
  const auto slots = ClusterSlots::create();
  routing::RouteCompiler compiler(slots);
  const auto route = [](std::string name, std::string cluster) {
    Route made{.name = std::move(name)};
    made.rules.emplace_back().backends.push_back({std::move(cluster), 1, {}});
    return std::make_shared<const Route>(std::move(made));
  };
  auto old_table = compiler.apply(std::vector{route("r", "gone")}, {});
  const std::uint32_t index = old_table->find("r")->rules()[0].backends[0].cluster->index;
  compiler.apply({}, std::vector<std::string>{"r"});
  CHECK(slots->lease("first")->index != index);
  old_table.reset();
  CHECK(slots->lease("second")->index == index);
}
