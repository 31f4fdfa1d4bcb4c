// Which of two matches wins when both hold: the total order of route.h.
//
// Gateway API, HTTPRouteRule.matches (apis/v1, HTTPRouteRule) asks for, in this order:
//   "Exact" path match; "Prefix" path match with largest number of characters; Method match; Largest
//   number of header matches; Largest number of query param matches; then, across routes, the oldest
//   based on creation timestamp, the first in alphabetical order by "{namespace}/{name}"; within one
//   route the FIRST matching rule (in list order).
// and HTTPRouteSpec.hostnames, before all of these, the most specific matching host.
//
// "Less" means "wins over". All functions are pure.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "ingress/route.h"

namespace ingress::routing {

// A prefix without its trailing slash, which means nothing: "/foo/" is "/foo", "/" is "". One slash
// only: the empty segment in "/foo//" is a segment.
std::string_view canonical_prefix(std::string_view value);
// The bytes under which a path match is kept: canonical for a prefix, else as they are.
std::string_view path_key(const PathMatch& path);

// Exact, then regular expressions by falling length, then prefixes by falling length. What Gateway API leaves
// to us (HTTPRouteRule.matches: RegularExpression is implementation-specific): an expression names less than
// one path, and as a rule more than a prefix. Equal for two exact paths or prefixes only if they cannot both
// hold unless they are the same, so that the order is total only together with the rest.
std::strong_ordering compare_paths(const PathMatch& a, const PathMatch& b);
// Method given, number of headers, number of query parameters.
std::strong_ordering compare_conditions(const RouteMatch& a, const RouteMatch& b);
// The oldest (unset = newest), then the name.
std::strong_ordering compare_routes(const Route& a, const Route& b);

// One match of one rule of one route.
struct MatchPosition {
  const Route* route;
  std::uint32_t rule_index;
  std::uint32_t match_index;
  const RouteMatch* match;
};
// The order among matches under one host pattern.
std::strong_ordering compare_matches(const MatchPosition& a, const MatchPosition& b);

}  // namespace ingress::routing
