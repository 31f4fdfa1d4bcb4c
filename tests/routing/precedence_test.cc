#include "routing/precedence.h"

#include <doctest/doctest.h>

#include <vector>

using namespace ingress;
using namespace ingress::routing;

TEST_CASE("A prefix loses one trailing slash and no more") {
  CHECK(canonical_prefix("/") == "");
  CHECK(canonical_prefix("") == "");
  CHECK(canonical_prefix("/foo") == "/foo");
  CHECK(canonical_prefix("/foo/") == "/foo");
  CHECK(canonical_prefix("/foo//") == "/foo/");
  CHECK(path_key(PathMatch::exact("/foo/")) == "/foo/");
}

TEST_CASE("Each criterion decides only when those before it are equal") {
  const Route oldest{.name = "z", .created_at = -5};
  const Route old{.name = "b", .created_at = 1};
  const Route old_too{.name = "c", .created_at = 1};
  const Route unset{.name = "a"};
  const HeaderMatch header{"x", "1"};
  const QueryMatch query{"q", "1"};
  const auto match = [](PathMatch path, std::string method, std::vector<HeaderMatch> headers,
                        std::vector<QueryMatch> queries) {
    return RouteMatch{std::move(path), std::move(method), std::move(headers), std::move(queries)};
  };
  // From the best to the worst; what comes later is better in every criterion behind the deciding one.
  const RouteMatch exact = match(PathMatch::exact("/a"), "", {}, {});
  const RouteMatch longer = match(PathMatch::prefix("/aa"), "", {}, {});
  const RouteMatch with_method = match(PathMatch::prefix("/a/"), "GET", {}, {});
  const RouteMatch two_headers = match(PathMatch::prefix("/a"), "", {header, header}, {});
  const RouteMatch one_header = match(PathMatch::prefix("/a/"), "", {header}, {query});
  const RouteMatch two_queries = match(PathMatch::prefix("/a"), "", {}, {query, query});
  const RouteMatch one_query = match(PathMatch::prefix("/a"), "", {}, {query});
  const RouteMatch plain = match(PathMatch::prefix("/a"), "", {}, {});
  const std::vector<MatchPosition> order = {
      {&unset, 9, 9, &exact},       {&unset, 8, 8, &longer},     {&unset, 7, 7, &with_method},
      {&unset, 6, 6, &two_headers}, {&unset, 5, 5, &one_header}, {&unset, 4, 4, &two_queries},
      {&unset, 3, 3, &one_query},   {&oldest, 2, 2, &plain},     {&old, 2, 2, &plain},
      {&old_too, 1, 1, &plain},     {&unset, 0, 1, &plain},      {&unset, 1, 0, &plain},
      {&unset, 1, 1, &plain}};
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) {
      CAPTURE(i);
      CAPTURE(j);
      CHECK(compare_matches(order[i], order[j]) == (i <=> j));
    }
  }
}
