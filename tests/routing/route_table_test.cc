#include "routing/route_table.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "routing/random_routes.h"
#include "routing/route_compiler.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::Request;

namespace {

std::shared_ptr<const Route> route(std::string name, std::string host, std::vector<RouteMatch> matches) {
  Route made{.name = std::move(name), .hosts = {std::move(host)}};
  made.rules.emplace_back().matches = std::move(matches);
  return std::make_shared<const Route>(std::move(made));
}

std::size_t num_new_nodes(const RouteTable& from, const RouteTable& to) {
  std::vector<const void*> before, after, fresh;
  from.collect_nodes(before);
  to.collect_nodes(after);
  std::ranges::sort(before);
  std::ranges::sort(after);
  std::ranges::set_difference(after, before, std::back_inserter(fresh));
  return fresh.size();
}

}  // namespace

// The example of the Gateway API guide "HTTP routing" and the order of HTTPRouteRule.matches.
TEST_CASE("Rules compete as Gateway API says") {
  RouteCompiler compiler(ClusterSlots::create());
  const auto table =
      compiler.apply(std::vector{route("foo", "foo.example.com", {{.path = PathMatch::prefix("/login")}}),
                                 route("bar", "bar.example.com", {{}}),
                                 route("bar-canary", "bar.example.com", {{.headers = {{"env", "canary"}}}}),
                                 route("bar-post", "bar.example.com", {{.method = "POST"}}),
                                 route("bar-query", "bar.example.com", {{.query = {{"v", "2"}}}})},
                     {});
  struct Row {
    Request request;
    std::string_view winner;
  };
  const Row rows[] = {
      {{.host = "foo.example.com", .path = "/login/x"}, "foo"},
      {{.host = "foo.example.com", .path = "/"}, ""},
      {{.host = "bar.example.com", .path = "/login"}, "bar"},
      {{.host = "bar.example.com", .headers = {{"Env", "canary"}}}, "bar-canary"},
      {{.host = "bar.example.com", .headers = {{"Env", "other"}}}, "bar"},
      {{.method = "POST", .host = "bar.example.com", .headers = {{"env", "canary"}}}, "bar-post"},
      {{.host = "bar.example.com", .query = "v=2"}, "bar-query"},
      {{.host = "bar.example.com", .query = "v=2", .headers = {{"env", "canary"}}}, "bar-canary"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.request.text());
    const CompiledRule* rule = table->match(row.request.head());
    CHECK((rule == nullptr ? "" : rule->route->name) == row.winner);
  }
}

TEST_CASE("An empty table matches nothing") {
  const RouteTable table;
  CHECK(table.match(Request{.host = "a"}.head()) == nullptr);
  CHECK(table.num_routes() == 0);
  CHECK(table.find("a") == nullptr);
  CHECK(table.dump().empty());
}

TEST_CASE("One changed route of ten thousand hosts copies a few nodes") {
  RouteCompiler compiler(ClusterSlots::create());
  std::vector<std::shared_ptr<const Route>> routes;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "r" + std::to_string(i);
    routes.push_back(route(name, name + ".example.com", {{.path = PathMatch::prefix("/app")}}));
  }
  const auto before = compiler.apply(routes, {});
  const auto after = compiler.apply(
      std::vector{route("r77", "r77.example.com", {{.path = PathMatch::prefix("/other")}})}, {});
  CHECK(num_new_nodes(*before, *after) <= 12);
  CHECK(before->find("r78") == after->find("r78"));
  CHECK(before->match(Request{.host = "r77.example.com", .path = "/app"}.head()) != nullptr);
  CHECK(after->match(Request{.host = "r77.example.com", .path = "/app"}.head()) == nullptr);
}

TEST_CASE("One changed route of ten thousand paths of one host copies a few nodes") {
  RouteCompiler compiler(ClusterSlots::create());
  std::vector<std::shared_ptr<const Route>> routes;
  for (int i = 0; i < 10'000; ++i) {
    const std::string name = "r" + std::to_string(i);
    routes.push_back(route(name, "example.com", {{.path = PathMatch::prefix("/" + name)}}));
  }
  const auto before = compiler.apply(routes, {});
  const auto after = compiler.apply({}, std::vector<std::string>{"r77"});
  CHECK(num_new_nodes(*before, *after) <= 12);
  CHECK(before->find("r77") != nullptr);
  CHECK(after->find("r77") == nullptr);
  CHECK(after->num_routes() == 9'999);
}
