// Base64 (RFC 4648 4) of what is kept as text. No state. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ingress::tls {

// Padding required; white space is skipped, as texts are folded in files. Nothing when it is anything else.
std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text);
std::string encode_base64(std::span<const std::uint8_t> bytes);

}  // namespace ingress::tls
