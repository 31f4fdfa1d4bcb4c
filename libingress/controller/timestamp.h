// Times in objects (RFC 3339), which decide who came first.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ingress::controller {

// "2026-01-02T03:04:05Z" with optional fraction (dropped) and numeric offset, as unix seconds. Nothing when
// it is anything else. A leap second counts as the second after it.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

}  // namespace ingress::controller
