// JSON text to Value, by simdjson behind caps.
#pragma once

#include <expected>
#include <string_view>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// Exactly one JSON text (RFC 8259). kParse with line where possible, kTooLarge on a cap; a repeated
// key, a number outside int64 that is no double, and invalid UTF-8 are kParse.
std::expected<Value, Error> read_json(std::string_view text, const DocumentLimits& limits = {});

}  // namespace ingress::base
