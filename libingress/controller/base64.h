// Base64 of Secret data (RFC 4648 section 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ingress::controller {

// Standard alphabet, padding required, unused bits zero; line ends are skipped, as Kubernetes does. Nothing
// when it is anything else.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace ingress::controller
