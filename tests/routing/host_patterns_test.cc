#include "routing/host_patterns.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "routing/pattern_cache.h"
#include "routing/random_routes.h"
#include "routing/route_compiler.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::Request;

namespace {

std::shared_ptr<const Route> route(std::string name, std::vector<std::string> hosts,
                                   std::vector<RouteMatch> matches) {
  Route made{.name = std::move(name), .hosts = std::move(hosts)};
  made.rules.emplace_back().matches = std::move(matches);
  return std::make_shared<const Route>(std::move(made));
}

std::string winner(const RouteTable& table, const Request& request) {
  const CompiledRule* rule = table.match(request.head());
  return rule == nullptr ? "" : rule->route->name;
}

}  // namespace

TEST_CASE("An exact path wins over regular expressions, these over prefixes, the longest text first") {
  const auto pattern = [](std::string_view text) { return PathMatch::regular_expression(text); };
  RouteCompiler compiler(ClusterSlots::create());
  const auto table =
      compiler.apply(std::vector{route("exact", {"a"}, {{.path = PathMatch::exact("/v1/cart")}}),
                                 route("short", {"a"}, {{.path = pattern("/v./.*")}}),
                                 route("long", {"a"}, {{.path = pattern("/v[0-9]/.*")}}),
                                 route("posted", {"a"}, {{.path = pattern("/v[0-9]/pay"), .method = "POST"}}),
                                 route("prefix", {"a"}, {{.path = PathMatch::prefix("/v1/cart/items")}}),
                                 route("rest", {"a"}, {{.path = PathMatch::prefix("/")}}),
                                 route("no-host", {}, {{.path = pattern("/only.*")}}),
                                 route("wild", {"**.b"}, {{.path = pattern("/x+")}})},
                     {});
  CHECK(winner(*table, {.host = "a", .path = "/v1/cart"}) == "exact");
  CHECK(winner(*table, {.host = "a", .path = "/v1/cart/items"}) == "long");
  CHECK(winner(*table, {.host = "a", .path = "/vx/cart"}) == "short");
  CHECK(winner(*table, {.method = "POST", .host = "a", .path = "/v1/pay"}) == "posted");
  CHECK(winner(*table, {.host = "a", .path = "/v1/pay"}) == "long");
  CHECK(winner(*table, {.host = "a", .path = "/other"}) == "rest");
  CHECK(winner(*table, {.host = "z", .path = "/only/this"}) == "no-host");
  CHECK(winner(*table, {.host = "z", .path = "/not/only"}).empty());
  CHECK(winner(*table, {.host = "c.b", .path = "/xxx"}) == "wild");
  CHECK(winner(*table, {.host = "c.b", .path = "/xxxy"}).empty());
}

TEST_CASE("Headers and query parameters match regular expressions as a whole") {
  const RouteMatch header{.headers = {{"x", "1(, 2)*", ValueMatchType::kRegularExpression}}};
  const RouteMatch query{.query = {{"q", "a+", ValueMatchType::kRegularExpression}}};
  const auto table = RouteCompiler(ClusterSlots::create())
                         .apply(std::vector{route("header", {}, {header}), route("query", {}, {query})}, {});
  CHECK(winner(*table, {.host = "a", .headers = {{"X", "1"}}}) == "header");
  CHECK(winner(*table, {.host = "a", .headers = {{"x", "1"}, {"X", "2"}}}) == "header");
  CHECK(winner(*table, {.host = "a", .headers = {{"x", "11"}}}).empty());
  CHECK(winner(*table, {.host = "a"}).empty());
  CHECK(winner(*table, {.host = "a", .query = "q=aaa"}) == "query");
  CHECK(winner(*table, {.host = "a", .query = "q=aab"}).empty());
  CHECK(winner(*table, {.host = "a", .query = "p=aaa"}).empty());
}

TEST_CASE("Each thread compiles what it asks for, and routes without expressions compile nothing") {
  RouteCompiler compiler(ClusterSlots::create());
  const auto table =
      compiler.apply(std::vector{route("pattern", {"a"}, {{.path = PathMatch::regular_expression("/a+")}}),
                                 route("plain", {"b"}, {{.path = PathMatch::prefix("/")}})},
                     {});
  std::thread([&] {
    CHECK(winner(*table, {.host = "b", .path = "/a"}) == "plain");
    CHECK(winner(*table, {.host = "c", .path = "/a"}).empty());
    CHECK(num_compiled_patterns() == 0);
    for (int i = 0; i < 3; ++i) CHECK(winner(*table, {.host = "a", .path = "/aa"}) == "pattern");
    CHECK(num_compiled_patterns() == 1);
  }).join();
}

TEST_CASE("The expressions that a thread has compiled are bounded, and the answers stay right") {
  std::thread([] {
    for (int i = 0; i < 3'000; ++i) {
      const std::string text = std::to_string(i);
      REQUIRE(pattern_holds("0*" + text, "00" + text));
    }
    CHECK(num_compiled_patterns() * 256 * 1024 <= kMaxPatternBytesOfThread / 2);
    CHECK(pattern_holds("0*0", "000"));
  }).join();
}
