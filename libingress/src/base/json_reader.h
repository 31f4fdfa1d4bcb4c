// JSON text to Value, by simdjson behind caps.
#pragma once

#include <expected>
#include <string_view>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// Exactly one JSON text (RFC 8259), a byte order mark in front of it allowed. kParse with line where
// possible, kTooLarge on a cap; a repeated key, a number that no double can hold, and invalid UTF-8 are
// kParse. Integers outside int64 become the nearest double.
std::expected<Value, Error> read_json(std::string_view text, const DocumentLimits& limits = {});

}  // namespace ingress::base
