// The few syntaxes that object fields follow: host patterns, paths, IP addresses, and text that is safe to
// show in a problem. Pure functions with full-match semantics.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace ingress::controller {

inline constexpr std::size_t kMaxShownBytes = 80;
// `text` cut after `max_bytes`, anything but printable ASCII, '"' and '\\' as \xNN: problems end up on
// terminals and in JSON, and object fields are hostile.
std::string shown(std::string_view text, std::size_t max_bytes = kMaxShownBytes);
// The same in double quotes.
std::string quoted(std::string_view text);

// Why a value was turned down, and what to write instead.
struct SyntaxError {
  std::string why, fix;
};

// The host of an Ingress rule: "a.b", "*.a.b" or "" (any). Upper case, ports, IP addresses and wildcards
// anywhere but in the whole first label are errors, as in Kubernetes; so is a name whose last label is all
// digits (a broken IPv4 address).
std::expected<void, SyntaxError> check_host(std::string_view host);

inline constexpr std::size_t kMaxPathBytes = 4096;
// The form in which request paths are compared (RFC 3986 6.2.2): percent-encoded unreserved characters
// decoded, hex digits upper case. A path that no normalised request can have is an error: dot segments,
// bad percent-encoding, "%00", '\\', '?', '#', "//", spaces, control and non-ASCII bytes.
std::expected<std::string, SyntaxError> canonical_path(std::string_view path);

enum class IpScope : std::uint8_t {
  kUsable,
  kLocal,     // loopback or link-local, metadata services of clouds included
  kUnusable,  // unspecified, multicast, broadcast: never a backend
};
struct IpAddress {
  std::string text;  // canonical, IPv6 without brackets
  bool is_v6 = false;
  IpScope scope = IpScope::kUsable;
};
// An IPv4 or IPv6 literal without zone. An IPv6 address that carries an IPv4 address has the scope of that
// one, where connections would go to it (base/address_class.h).
std::expected<IpAddress, SyntaxError> parse_ip(std::string_view text);

}  // namespace ingress::controller
