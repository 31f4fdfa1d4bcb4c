#include "routing/rule_match.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "routing/random_routes.h"

using namespace ingress;
using namespace ingress::routing;
using ingress::test::Request;

TEST_CASE("Header conditions compare names without case and values joined") {
  struct Row {
    std::vector<std::pair<std::string, std::string>> headers;
    HeaderMatch match;
    bool holds;
  };
  const Row rows[] = {
      {{}, {"x", "1"}, false},
      {{}, {"x", ""}, false},
      {{{"X", "1"}}, {"x", "1"}, true},
      {{{"x-a", "V"}}, {"X-A", "V"}, true},
      {{{"x", "v"}}, {"x", "V"}, false},
      {{{"x", ""}}, {"x", ""}, true},
      {{{"x", "1"}, {"y", "9"}, {"X", "2"}}, {"x", "1, 2"}, true},
      {{{"x", "1"}, {"x", "2"}}, {"x", "1"}, false},
      {{{"x", "1"}, {"x", "2"}}, {"x", "1,2"}, false},
      {{{"x", "1"}, {"x", "2"}}, {"x", "1, 2, 3"}, false},
      {{{"x", "1"}, {"x", ""}}, {"x", "1, "}, true},
      {{{"x", "1, 2"}}, {"x", "1, 2"}, true},
      {{{"x", "12"}}, {"x", "1"}, false},
      {{{"x", "1"}}, {"x", "12"}, false},
  };
  for (const Row& row : rows) {
    const Request request{.headers = row.headers};
    CAPTURE(request.text());
    CAPTURE(row.match.name);
    CAPTURE(row.match.value);
    CHECK(header_holds(row.match, request.head().headers()) == row.holds);
  }
}

TEST_CASE("The first query parameter of a name counts, undecoded") {
  struct Row {
    std::string_view query, name;
    std::optional<std::string_view> value;
  };
  const Row rows[] = {
      {"", "a", std::nullopt},
      {"a", "a", ""},
      {"a=", "a", ""},
      {"a=1", "a", "1"},
      {"a=1&a=2", "a", "1"},
      {"b=1&a=2", "a", "2"},
      {"aa=1", "a", std::nullopt},
      {"A=1", "a", std::nullopt},
      {"a=1=2", "a", "1=2"},
      {"&&a=1", "a", "1"},
      {"a%3D=1", "a=", std::nullopt},
      {"a=%31", "a", "%31"},
      {"a=1;b=2", "b", std::nullopt},
      {"a=x+y", "a", "x+y"},
      {"&", "", std::nullopt},
      {"=1", "", "1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.query);
    CAPTURE(row.name);
    CHECK(query_parameter(row.query, row.name) == row.value);
  }
}

TEST_CASE("All conditions must hold, and methods compare with case") {
  const Request request{.method = "GET", .query = "q=1", .headers = {{"x", "1"}}};
  CHECK(conditions_hold({}, request.head()));
  CHECK(conditions_hold({.method = "GET", .headers = {{"x", "1"}}, .query = {{"q", "1"}}}, request.head()));
  CHECK_FALSE(conditions_hold({.method = "get"}, request.head()));
  CHECK_FALSE(conditions_hold({.headers = {{"x", "1"}, {"y", "1"}}}, request.head()));
  CHECK_FALSE(conditions_hold({.query = {{"q", "1"}, {"r", ""}}}, request.head()));
  CHECK_FALSE(has_conditions({.path = PathMatch::exact("/a")}));
  CHECK(has_conditions({.query = {{"q", ""}}}));
}
