#include "routing/compiled_route.h"

#include <doctest/doctest.h>

#include <string>

using namespace ingress;
using namespace ingress::routing;

namespace {

std::shared_ptr<const Route> route_with(std::vector<BackendRef> backends) {
  Route route{.name = "r"};
  route.rules.resize(2);
  route.rules[0].name = "named";
  route.rules[1].backends = std::move(backends);
  return std::make_shared<const Route>(std::move(route));
}

}  // namespace

TEST_CASE("Weights become the ends of shares, and a weight of 0 takes nothing") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(
      route_with({{"a", 0, {}}, {"b", 3, {}}, {"c", 0, {}}, {"d", 2, {}}, {"e", 0, {}}}), *slots);
  const CompiledRule& rule = route.rules()[1];
  CHECK(rule.total_weight() == 5);
  std::string picked;
  for (std::uint64_t point = 0; point < 5; ++point) picked += rule.backend_at(point)->cluster->name;
  CHECK(picked == "bbbdd");
}

TEST_CASE("Nothing can be picked where weights add up to 0") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute zeros(route_with({{"a", 0, {}}, {"b", 0, {}}}), *slots);
  CHECK(zeros.rules()[1].total_weight() == 0);
  CHECK(zeros.rules()[1].backend_at(0) == nullptr);
  const CompiledRoute none(route_with({}), *slots);
  CHECK(none.rules()[1].total_weight() == 0);
  CHECK(none.rules()[1].backend_at(0) == nullptr);
}

TEST_CASE("A failing share keeps its weight and leases no slot") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(
      route_with({{"", 1, FixedReply{500, "invalid_backend"}}, {"a", 1'000'000, {}}, {"a", 1'000'000, {}}}),
      *slots);
  const CompiledRule& rule = route.rules()[1];
  REQUIRE(rule.backend_at(0)->failure != nullptr);
  CHECK(rule.backend_at(0)->failure->status == 500);
  CHECK(rule.backend_at(0)->cluster == nullptr);
  CHECK(rule.backends[1].cluster == rule.backends[2].cluster);
  CHECK(rule.total_weight() == 2'000'001);
  CHECK(slots->size() == 1);
}

TEST_CASE("A rule without a name is called by its position") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(route_with({}), *slots);
  CHECK(route.rules()[0].name == "named");
  CHECK(route.rules()[1].name == "1");
}
