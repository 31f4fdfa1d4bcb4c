#include "routing/rule_match.h"

#include "base/text.h"
#include "http/request_values.h"

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
    if (http::query_parameter(head.query(), wanted.name) != wanted.value) return false;
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

}  // namespace ingress::routing
