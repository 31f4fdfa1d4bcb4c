#include "routing/rule_match.h"

#include <optional>
#include <string>

#include "base/text.h"
#include "http/request_values.h"
#include "routing/pattern_cache.h"

namespace ingress::routing {

bool has_conditions(const RouteMatch& match) {
  return !match.method.empty() || !match.headers.empty() || !match.query.empty();
}

bool conditions_hold(const RouteMatch& match, const RequestHead& head) {
  if (!method_holds(match.method, head)) return false;
  for (const HeaderMatch& wanted : match.headers) {
    if (!header_holds(wanted, head.headers())) return false;
  }
  for (const QueryMatch& wanted : match.query) {
    if (!query_holds(wanted, head.query())) return false;
  }
  return true;
}

bool method_holds(std::string_view method, const RequestHead& head) {
  return method.empty() || method == head.method();
}

bool query_holds(const QueryMatch& match, std::string_view query) {
  const std::optional<std::string_view> value = http::query_parameter(query, match.name);
  if (match.type == ValueMatchType::kExact) return value == match.value;
  return value && pattern_holds(match.value, *value);
}

namespace {

// Of several fields the joined value has to be built.
bool pattern_of_header_holds(const HeaderMatch& match, const Headers& headers) {
  std::optional<std::string_view> only;
  std::string joined;
  for (const HeaderField& field : headers) {
    if (!base::equals_ignore_case(field.name, match.name)) continue;
    if (only && joined.empty()) joined = *only;
    if (only) joined.append(", ").append(field.value);
    if (!only) only = field.value;
  }
  return only && pattern_holds(match.value, joined.empty() ? *only : joined);
}

}  // namespace

bool header_holds(const HeaderMatch& match, const Headers& headers) {
  if (match.type == ValueMatchType::kRegularExpression) return pattern_of_header_holds(match, headers);
  // What is still to come of the wanted value, eaten field by field: the joined value is never built.
  std::string_view rest = match.value;
  bool is_present = false;
  for (const HeaderField& field : headers) {
    if (!base::equals_ignore_case(field.name, match.name)) continue;
    if (is_present) {
      if (!rest.starts_with(", ")) return false;
      rest.remove_prefix(2);
    }
    is_present = true;
    if (!rest.starts_with(field.value)) return false;
    rest.remove_prefix(field.value.size());
  }
  return is_present && rest.empty();
}

}  // namespace ingress::routing
