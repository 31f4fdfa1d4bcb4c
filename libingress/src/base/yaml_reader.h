// YAML text to Values, by yaml-cpp's event parser behind caps.
//
// Scalars follow the YAML 1.2 core schema as Kubernetes tools read it: plain true/false, null/~,
// integers, floats; anything quoted is a string. Plain yes/no/on/off stay strings, as in sigs.k8s.io/yaml
// they do not: documented, since no field we read is affected. Tags other than the core ones, merge
// keys ("<<") and anchors beyond the caps are errors. Nothing yaml-cpp throws leaves this module.
#pragma once

#include <expected>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// Every document of `text`; empty documents are left out. kParse (with line) or kTooLarge.
std::expected<std::vector<Value>, Error> read_yaml(std::string_view text, const DocumentLimits& limits = {});

}  // namespace ingress::base
