#include "routing/precedence.h"

namespace ingress::routing {

std::string_view canonical_prefix(std::string_view value) {
  if (value.ends_with('/')) value.remove_suffix(1);
  return value;
}

std::string_view path_key(const PathMatch& path) {
  return path.type == PathMatchType::kPrefix ? canonical_prefix(path.value) : std::string_view(path.value);
}

std::strong_ordering compare_paths(const PathMatch& a, const PathMatch& b) {
  const auto rank = [](PathMatchType type) {
    return type == PathMatchType::kExact ? 0 : type == PathMatchType::kRegularExpression ? 1 : 2;
  };
  if (const auto order = rank(a.type) <=> rank(b.type); order != 0) return order;
  return path_key(b).size() <=> path_key(a).size();
}

std::strong_ordering compare_conditions(const RouteMatch& a, const RouteMatch& b) {
  if (const auto order = a.method.empty() <=> b.method.empty(); order != 0) return order;
  if (const auto order = b.headers.size() <=> a.headers.size(); order != 0) return order;
  return b.query.size() <=> a.query.size();
}

std::strong_ordering compare_routes(const Route& a, const Route& b) {
  if (const auto order = b.created_at.has_value() <=> a.created_at.has_value(); order != 0) return order;
  if (const auto order = a.created_at.value_or(0) <=> b.created_at.value_or(0); order != 0) return order;
  return a.name <=> b.name;
}

std::strong_ordering compare_matches(const MatchPosition& a, const MatchPosition& b) {
  if (const auto order = compare_paths(a.match->path, b.match->path); order != 0) return order;
  if (const auto order = compare_conditions(*a.match, *b.match); order != 0) return order;
  if (const auto order = compare_routes(*a.route, *b.route); order != 0) return order;
  if (const auto order = a.rule_index <=> b.rule_index; order != 0) return order;
  return a.match_index <=> b.match_index;
}

}  // namespace ingress::routing
