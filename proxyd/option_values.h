// Texts of flags to values: addresses, durations, references. Pure; an error is a sentence for the user.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "controller/translate.h"
#include "ingress/listener.h"
#include "ingress/route.h"
#include "ingress/stream.h"

namespace proxyd {

template <typename T>
using ValueOr = std::expected<T, std::string>;

// "127.0.0.1:80", "[::1]:80" or, where `unix_paths` allows it, "unix:/path". Names are refused: what is
// bound must not depend on a resolver. Port 0 asks for any free port. Only address and port are set.
enum class UnixPaths : unsigned char { kRefused, kAllowed };
ValueOr<ingress::Listener> parse_listen_address(std::string_view text, UnixPaths unix_paths);

// "unix:/path", or a name or address and a port, "[::1]:80" for IPv6.
ValueOr<ingress::StreamAddress> parse_stream_address(std::string_view text);

// A whole number and a unit, "500ms", "30s", "2m", "1h", or a plain 0; at most 24 h.
ValueOr<std::chrono::milliseconds> parse_duration(std::string_view text);

// "namespace/service:port", the port by number or by name.
ValueOr<ingress::controller::DefaultBackend> parse_default_backend(std::string_view text);

// "namespace/name" of a Secret.
ValueOr<ingress::controller::DefaultCertificate> parse_default_certificate(std::string_view text);

// 1 to 65535.
ValueOr<std::uint16_t> parse_public_port(std::string_view text);

// The enumerators by the names that the config file gives them.
ValueOr<ingress::SlashMerging> parse_slashes(std::string_view text);
ValueOr<ingress::AmbiguousPaths> parse_ambiguous_paths(std::string_view text);
ValueOr<ingress::HeadersWithUnderscores> parse_headers_with_underscores(std::string_view text);
ValueOr<ingress::TlsPreset> parse_tls_preset(std::string_view text);
ValueOr<ingress::HstsScope> parse_hsts_scope(std::string_view text);

// Seconds, at most ten years.
ValueOr<std::chrono::seconds> parse_hsts_max_age(std::string_view text);

// The name of a zone: the form of a Kubernetes label value, not empty.
ValueOr<std::string> parse_zone(std::string_view text);

// 1 to 1024.
ValueOr<unsigned> parse_workers(std::string_view text);

}  // namespace proxyd
