// The fields of what every part of the configuration may carry; see config/fields.h.
#pragma once

#include <array>

#include "config/field_info.h"
#include "ingress/origin.h"
#include "ingress/value_match.h"

namespace ingress::config {

constexpr TypeInfo type_info(const Origin*) {
  return {"origin", "The object that a part came from, for logs, problems and explanations"};
}
template <class V>
void describe(V&& visit, const Origin*) {
  visit({.name = "kind", .doc = "such as `Ingress`", .max = kMaxNameBytes}, &Origin::kind);
  visit({.name = "namespace", .doc = "of the object", .max = kMaxNameBytes}, &Origin::namespace_);
  visit({.name = "name", .doc = "of the object", .max = kMaxNameBytes}, &Origin::name);
}

constexpr std::array<EnumInfo<ValueMatchType>, 2> enum_table(ValueMatchType) {
  return {{{ValueMatchType::kExact, "exact", "the same bytes"},
           {ValueMatchType::kRegularExpression, "regular_expression", "of RE2; matches the whole value"}}};
}

}  // namespace ingress::config
