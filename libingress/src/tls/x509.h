// Certificates parsed, for those that look into them. For .cc files of this module only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/boring.h"

namespace ingress::tls {

// Null when `der` is not one X.509 certificate and nothing behind it.
bssl::UniquePtr<X509> parse_x509(std::span<const std::uint8_t> der);

// "2026-01-31T12:00:00Z".
std::string time_text(std::int64_t unix_seconds);

// Unix seconds; nothing when it cannot be read.
std::optional<std::int64_t> unix_time(const ASN1_TIME* time);

// RFC 2253, with everything outside of printable ASCII escaped.
std::string name_text(const X509_NAME* name);

}  // namespace ingress::tls
