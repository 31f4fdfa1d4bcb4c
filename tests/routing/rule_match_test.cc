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
