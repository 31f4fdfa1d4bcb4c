// How a text is compared with a configured one: part of the typed model (IR).
#pragma once

#include <cstdint>

namespace ingress {

// A regular expression is one of RE2, of at most 1024 bytes and 2000 instructions, and matches the whole
// text.
enum class ValueMatchType : std::uint8_t { kExact, kRegularExpression };

}  // namespace ingress
