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

TEST_CASE("The weights of a rule are added up") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(
      route_with({{"a", 0, {}}, {"b", 3, {}}, {"c", 0, {}}, {"d", 2, {}}, {"e", 0, {}}}), *slots);
  const CompiledRule& rule = route.rules()[1];
  CHECK(rule.total_weight == 5);
  std::string names;
  for (const CompiledBackend& backend : rule.backends) names += backend.cluster->name;
  CHECK(names == "abcde");
}

TEST_CASE("Nothing can be picked where weights add up to 0") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute zeros(route_with({{"a", 0, {}}, {"b", 0, {}}}), *slots);
  CHECK(zeros.rules()[1].total_weight == 0);
  const CompiledRoute none(route_with({}), *slots);
  CHECK(none.rules()[1].total_weight == 0);
}

TEST_CASE("A failing share keeps its weight and leases no slot") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(
      route_with({{"", 1, FixedReply{500, "invalid_backend"}}, {"a", 1'000'000, {}}, {"a", 1'000'000, {}}}),
      *slots);
  const CompiledRule& rule = route.rules()[1];
  REQUIRE(rule.backends[0].failure != nullptr);
  CHECK(rule.backends[0].failure->status == 500);
  CHECK(rule.backends[0].cluster == nullptr);
  CHECK(rule.backends[1].cluster == rule.backends[2].cluster);
  CHECK(rule.total_weight == 2'000'001);
  CHECK(slots->size() == 1);
}

TEST_CASE("A rule without a name is called by its position") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute route(route_with({}), *slots);
  CHECK(route.rules()[0].name == "named");
  CHECK(route.rules()[1].name == "1");
}

TEST_CASE("No rule has the id of another, not even of itself before a change") {
  const auto slots = ClusterSlots::create();
  const CompiledRoute before(route_with({}), *slots), after(route_with({}), *slots);
  CHECK(before.rules()[0].id != before.rules()[1].id);
  CHECK(before.rules()[0].id != after.rules()[0].id);
}
