#include "routing/host_table.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "routing/random_routes.h"
#include "routing/route_compiler.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::Request;

namespace {

std::shared_ptr<const Route> route(std::string name, std::vector<std::string> hosts,
                                   std::vector<RouteMatch> matches = {}) {
  Route made{.name = std::move(name), .hosts = std::move(hosts)};
  made.rules.emplace_back().matches = std::move(matches);
  return std::make_shared<const Route>(std::move(made));
}

// One route for each pattern, called like it ("any" for no host).
std::shared_ptr<const RouteTable> table_of(const std::vector<std::string>& patterns) {
  std::vector<std::shared_ptr<const Route>> routes;
  for (const std::string& pattern : patterns) {
    routes.push_back(pattern == "any" ? route("any", {}) : route(pattern, {pattern}));
  }
  return RouteCompiler(ClusterSlots::create()).apply(routes, {});
}

std::string winner(const RouteTable& table, std::string host, std::string path = "/") {
  const Request request{.host = std::move(host), .path = std::move(path)};
  const CompiledRule* rule = table.match(request.head());
  return rule == nullptr ? "" : rule->route->name;
}

}  // namespace

TEST_CASE("Host patterns are taken apart once") {
  CHECK(to_host_pattern("") == HostPattern{HostKind::kNoHost, ""});
  CHECK(to_host_pattern("a.b") == HostPattern{HostKind::kExact, "a.b"});
  CHECK(to_host_pattern("a.b.") == HostPattern{HostKind::kExact, "a.b"});
  CHECK(to_host_pattern("*.a.b") == HostPattern{HostKind::kOneLabel, "a.b"});
  CHECK(to_host_pattern("**.a.b.") == HostPattern{HostKind::kAnyLabels, "a.b"});
  CHECK(to_host_pattern("*a.b") == HostPattern{HostKind::kExact, "*a.b"});
}

TEST_CASE("The most specific host pattern wins") {
  const std::vector<std::string> all = {"any",        "foo.com", "*.foo.com",
                                        "**.foo.com", "**.com",  "*.bar.foo.com"};
  struct Row {
    std::string_view host, winner;
  };
  const Row rows[] = {
      {"foo.com", "foo.com"},
      {"foo.com.", "foo.com"},
      {"bar.foo.com", "*.foo.com"},
      {"bar.foo.com.", "*.foo.com"},
      {"a.b.foo.com", "**.foo.com"},
      {"a.bar.foo.com", "*.bar.foo.com"},
      {"x.com", "**.com"},
      {"com", "any"},
      {"", "any"},
      {"x.org", "any"},
      {"afoo.com", "**.com"},
      {".foo.com", "**.com"},
      {"foo.com..", "any"},
      {"*.foo.com", "*.foo.com"},
      {"**.foo.com", "*.foo.com"},
  };
  const auto table = table_of(all);
  for (const Row& row : rows) {
    CAPTURE(row.host);
    CHECK(winner(*table, std::string(row.host)) == row.winner);
  }
}

// "Hostname wildcards" on the Ingress page of the Kubernetes documentation.
TEST_CASE("A wildcard of Ingress covers exactly one label") {
  const auto table = table_of({"*.foo.com"});
  CHECK(winner(*table, "bar.foo.com") == "*.foo.com");
  CHECK(winner(*table, "baz.bar.foo.com").empty());
  CHECK(winner(*table, "foo.com").empty());
}

// Gateway API, HTTPRouteSpec.hostnames: "*.example.com" matches test.example.com and foo.test.example.com.
TEST_CASE("A wildcard of Gateway API covers one label or more") {
  const auto table = table_of({"**.example.com"});
  CHECK(winner(*table, "test.example.com") == "**.example.com");
  CHECK(winner(*table, "foo.test.example.com") == "**.example.com");
  CHECK(winner(*table, "example.com").empty());
}

TEST_CASE("A pattern without a rule that matches gives way to less specific ones") {
  RouteCompiler compiler(ClusterSlots::create());
  const auto table = compiler.apply(
      std::vector{route("exact", {"a.b.c"}, {{.path = PathMatch::exact("/1")}}),
                  route("one", {"*.b.c"}, {{.path = PathMatch::prefix("/2")}}),
                  route("any-labels", {"**.b.c"}, {{.path = PathMatch::prefix("/3")}}),
                  route("shorter", {"**.c"}, {{.path = PathMatch::prefix("/4")}}), route("no-host", {})},
      {});
  CHECK(winner(*table, "a.b.c", "/1") == "exact");
  CHECK(winner(*table, "a.b.c", "/2") == "one");
  CHECK(winner(*table, "a.b.c", "/3") == "any-labels");
  CHECK(winner(*table, "a.b.c", "/4") == "shorter");
  CHECK(winner(*table, "a.b.c", "/5") == "no-host");
  // A less specific host never wins by its path.
  CHECK(winner(*table, "a.b.c", "/1/2") == "no-host");
}

TEST_CASE("A host of more than 128 labels matches no wildcard") {
  const auto table = table_of({"any", "**.foo"});
  std::string host = "foo";
  for (int i = 0; i < 127; ++i) host.insert(0, "a.");
  CHECK(winner(*table, host) == "**.foo");
  CHECK(winner(*table, "a." + host) == "any");
}
