// The type of a plain YAML scalar, by the core schema of YAML 1.2.2 section 10.3.2.
#pragma once

#include <string_view>

#include "base/value.h"

namespace ingress::base {

// null, true/false, integers (decimal, 0o17, 0x1F), floats, .inf and .nan; all else is a string, among it
// numbers no double can hold. An integer outside int64 becomes the nearest double.
Value resolve_plain_scalar(std::string_view text);

}  // namespace ingress::base
