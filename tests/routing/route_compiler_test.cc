#include "routing/route_compiler.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "routing/random_routes.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::RandomChoices;
using ingress::test::Request;

namespace {

using Routes = std::vector<std::shared_ptr<const Route>>;

std::shared_ptr<const Route> route_to(std::string name, std::string cluster) {
  Route made{.name = std::move(name)};
  made.rules.emplace_back().backends.push_back({std::move(cluster), 1, {}});
  return std::make_shared<const Route>(std::move(made));
}

std::string fresh_dump(const Routes& routes) {
  return RouteCompiler(ClusterSlots::create()).apply(routes, {})->dump();
}

}  // namespace

TEST_CASE("Nothing changed gives the same table") {
  RouteCompiler compiler(ClusterSlots::create());
  const auto empty = compiler.table();
  CHECK(compiler.apply({}, {}) == empty);
  CHECK(compiler.apply({}, std::vector<std::string>{"absent"}) == empty);
  const auto table = compiler.apply(Routes{route_to("a", "x")}, {});
  CHECK(table != empty);
  CHECK(compiler.apply(Routes{route_to("a", "x")}, {}) == table);
  // Removed and given again, equal: nothing happened.
  CHECK(compiler.apply(Routes{route_to("a", "x")}, std::vector<std::string>{"a"}) == table);
  CHECK(compiler.table() == table);
}

TEST_CASE("The last of several upserts of one name counts") {
  RouteCompiler compiler(ClusterSlots::create());
  const auto first = route_to("a", "x");
  const auto second = route_to("a", "y");
  CHECK(compiler.apply(Routes{first, second}, {})->dump() == fresh_dump({second}));
  CHECK(compiler.apply(Routes{second, first, first}, {})->dump() == fresh_dump({first}));
  CHECK(compiler.apply({}, std::vector<std::string>{"a", "a"})->dump().empty());
}

TEST_CASE("A removed name that is given anew is replaced") {
  RouteCompiler compiler(ClusterSlots::create());
  compiler.apply(Routes{route_to("a", "x")}, {});
  const auto table = compiler.apply(Routes{route_to("a", "y")}, std::vector<std::string>{"a"});
  CHECK(table->dump() == fresh_dump({route_to("a", "y")}));
}

TEST_CASE("A host named twice and equal matches of one rule do no harm") {
  Route route{.name = "a", .hosts = {"h", "h.", "h"}};
  route.rules.emplace_back().matches = {RouteMatch{}, RouteMatch{}};
  const auto shared = std::make_shared<const Route>(route);
  RouteCompiler compiler(ClusterSlots::create());
  const auto table = compiler.apply(Routes{shared}, {});
  CHECK(table->match(Request{.host = "h"}.head()) != nullptr);
  const auto emptied = compiler.apply({}, std::vector<std::string>{"a"});
  CHECK(emptied->match(Request{.host = "h"}.head()) == nullptr);
  CHECK(emptied->dump().empty());
}

TEST_CASE("Backends of one cluster share its slot, and the slot stays over changes of the route") {
  const auto slots = ClusterSlots::create();
  RouteCompiler compiler(slots);
  compiler.apply(Routes{route_to("first", "w")}, {});
  const auto before = compiler.apply(Routes{route_to("a", "x"), route_to("b", "x")}, {});
  const auto slot_of = [](const RouteTable& table, const char* name) {
    return table.find(name)->rules()[0].backends[0].cluster;
  };
  CHECK(slot_of(*before, "a") == slot_of(*before, "b"));
  const auto after = compiler.apply(Routes{route_to("b", "y")}, {});
  CHECK(slot_of(*after, "a") == slot_of(*before, "a"));
  CHECK(slot_of(*after, "b")->index != slot_of(*after, "a")->index);
}

TEST_CASE("A table after random changes is the one that a fresh build of its routes gives") {
  RandomChoices choose(11);
  std::size_t num_changes = 0;
  while (num_changes < 10'000) {
    RouteCompiler compiler(ClusterSlots::create());
    std::map<std::string, std::shared_ptr<const Route>> expected;
    std::shared_ptr<const RouteTable> kept;
    std::string kept_dump;
    for (std::uint32_t step = choose(40) + 1; step > 0; --step, ++num_changes) {
      Routes upserts;
      std::vector<std::string> removals;
      for (std::uint32_t i = choose(3); i > 0; --i) removals.push_back("r" + std::to_string(choose(12)));
      for (std::uint32_t i = choose(4); i > 0; --i) {
        upserts.push_back(test::random_route(choose, "r" + std::to_string(choose(12))));
      }
      for (const std::string& name : removals) expected.erase(name);
      for (const auto& route : upserts) expected[route->name] = route;
      const auto table = compiler.apply(upserts, removals);
      Routes all;
      for (const auto& [name, route] : expected) all.push_back(route);
      REQUIRE(table->dump() == fresh_dump(all));
      REQUIRE(table->num_routes() == expected.size());
      if (kept) REQUIRE(kept->dump() == kept_dump);
      if (choose(5) == 0) {
        kept = table;
        kept_dump = table->dump();
      }
    }
  }
}
