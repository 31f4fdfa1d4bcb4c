// The Priority field (RFC 9218 5): how urgent a client says that its request is.
//
// Thread: any; plain functions of their input.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ingress::http {

struct H2Priority {
  std::uint8_t urgency = 3;  // 0 before all others, 7 behind them
  bool is_incremental = false;
};

// A list of `u` and `i` with their values (a dictionary of RFC 8941 3.2); other keys and all parameters are
// passed over, whatever they look like. Nothing when one of the two has a value that it cannot have: then the
// field says nothing.
std::optional<H2Priority> parse_priority(std::string_view text);

}  // namespace ingress::http
