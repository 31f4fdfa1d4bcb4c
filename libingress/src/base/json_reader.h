// JSON text to Value, by simdjson behind caps.
#pragma once

#include <expected>
#include <string_view>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// Exactly one JSON text (RFC 8259), a byte order mark in front of it allowed. kParse with line where
// possible, kTooLarge on a cap; a repeated key, an integer below int64 or above uint64, a number over
// any double, and invalid UTF-8 are kParse. An integer above int64 becomes the nearest double.
std::expected<Value, Error> read_json(std::string_view text, const DocumentLimits& limits = {});

}  // namespace ingress::base
