// The compiled table against the linear router, on more rules and requests than anybody would write down.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "routing/linear_router.h"
#include "routing/random_routes.h"
#include "routing/route_compiler.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::RandomChoices;
using ingress::test::Request;

namespace {

std::string name_of(const CompiledRule* rule) {
  return rule == nullptr ? "none" : rule->route->name + "/" + std::to_string(rule->index);
}

std::string oracle(const LinearRouter& router, const RequestHead& head) {
  for (const RouteCandidate& candidate : router.explain(head)) {
    if (candidate.verdict == Verdict::kWins) {
      return candidate.route->name + "/" + std::to_string(candidate.rule_index);
    }
  }
  return "none";
}

}  // namespace

TEST_CASE("Table and linear router agree on random rules, changes and requests") {
  RandomChoices choose(3);
  std::size_t num_requests = 0;
  std::size_t num_matched = 0;
  while (num_requests < 100'000) {
    RouteCompiler compiler(ClusterSlots::create());
    std::map<std::string, std::shared_ptr<const Route>> routes;
    for (std::uint32_t change = choose(4) + 1; change > 0; --change) {
      std::vector<std::shared_ptr<const Route>> upserts;
      std::vector<std::string> removals;
      for (std::uint32_t i = choose(3); i > 0; --i) removals.push_back("r" + std::to_string(choose(10)));
      for (std::uint32_t i = choose(8); i > 0; --i) {
        upserts.push_back(test::random_route(choose, "r" + std::to_string(choose(10))));
      }
      for (const std::string& name : removals) routes.erase(name);
      for (const auto& route : upserts) routes[route->name] = route;
      const auto table = compiler.apply(upserts, removals);
      std::vector<std::shared_ptr<const Route>> all;
      for (const auto& [name, route] : routes) all.push_back(route);
      const LinearRouter linear(std::move(all));
      for (int i = 0; i < 20; ++i, ++num_requests) {
        const Request request = test::random_request(choose);
        const RequestHead head = request.head();
        const std::string expected = oracle(linear, head);
        num_matched += expected != "none" ? 1 : 0;
        if (name_of(table->match(head)) != expected) {
          FAIL(request.text() << " expected " << expected << " got " << name_of(table->match(head)) << "\n"
                              << table->dump());
        }
      }
    }
  }
  // The test is worth something only if many requests find a rule and many do not.
  CHECK(num_matched > num_requests / 5);
  CHECK(num_matched < num_requests * 9 / 10);
}

TEST_CASE("The linear router says why each candidate was not taken") {
  Route route{.name = "r", .hosts = {"a", "b"}};
  route.rules.emplace_back().matches = {
      {.path = PathMatch::exact("/x")},
      {.path = PathMatch::prefix("/p"), .method = "POST"},
      {.path = PathMatch::prefix("/p"), .headers = {{"h", "1"}}},
      {.path = PathMatch::prefix("/p"), .query = {{"q", "1"}}},
      {.path = PathMatch::prefix("/p")},
      {.path = PathMatch::prefix("/")},
  };
  const LinearRouter linear({std::make_shared<const Route>(route)});
  const Request request{.host = "a", .path = "/p/1"};
  const auto candidates = linear.explain(request.head());
  std::string told;
  for (const RouteCandidate& candidate : candidates) {
    told += candidate.host + " " + std::to_string(candidate.match_index) + " " +
            std::string(to_string(candidate.verdict)) + " " + candidate.failed + "\n";
  }
  CHECK(told ==
        "a 0 path /x\nb 0 host b\n"
        "a 1 method POST\nb 1 host b\n"
        "a 2 header h: 1\nb 2 host b\n"
        "a 3 query q=1\nb 3 host b\n"
        "a 4 wins \nb 4 host b\n"
        "a 5 loses_to_better \nb 5 host b\n");
}
