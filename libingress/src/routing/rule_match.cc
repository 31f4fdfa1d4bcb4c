#include "routing/rule_match.h"

#include "base/text.h"

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
    if (query_parameter(head.query(), wanted.name) != wanted.value) return false;
  }
  return true;
}

bool method_holds(std::string_view method, const RequestHead& head) {
  return method.empty() || method == head.method();
}

bool header_holds(const HeaderMatch& match, const Headers& headers) {
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

std::optional<std::string_view> query_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view piece = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (piece.empty()) continue;
    const std::size_t equals = piece.find('=');
    if (piece.substr(0, equals) != name) continue;
    return equals == std::string_view::npos ? std::string_view() : piece.substr(equals + 1);
  }
  return std::nullopt;
}

}  // namespace ingress::routing
