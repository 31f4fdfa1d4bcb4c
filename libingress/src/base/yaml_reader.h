// YAML text to Values, by yaml-cpp's event parser behind caps.
//
// Scalars follow the YAML 1.2 core schema as Kubernetes tools read it: plain true/false, null/~,
// integers, floats; anything quoted is a string. Plain yes/no/on/off stay strings and 0644 is decimal, both
// unlike sigs.k8s.io/yaml: no field we read is affected. Keys are scalars and stay text ("80: x" has the
// key "80"). Tags other than the core ones, merge keys ("<<"), aliases as keys and anchors beyond the
// caps are errors. Nothing yaml-cpp throws leaves this module.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// Every document of `text`; documents that are empty or null are left out. kParse (with line) or kTooLarge.
std::expected<std::vector<Value>, Error> read_yaml(std::string_view text, const DocumentLimits& limits = {});

}  // namespace ingress::base
