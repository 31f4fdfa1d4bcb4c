// What kind of place an IP address stands for: the table that decides where a backend may be.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace ingress::base {

enum class AddressClass : std::uint8_t {
  kOrdinary,     // private networks included: backends live there
  kLoopback,     // 127.0.0.0/8, ::1
  kLinkLocal,    // 169.254.0.0/16 and fe80::/10, where clouds keep their metadata services
  kUnspecified,  // 0.0.0.0/8, ::; Linux connects to this machine
  kMulticast,    // 224.0.0.0/4, ff00::/8
  kReserved,     // 240.0.0.0/4, broadcast included
};

// An IPv6 address that carries an IPv4 address to which a gateway or the kernel would take the connection
// has the class of that one: mapped and compatible (RFC 4291 2.5.5), NAT64 (RFC 6052, RFC 8215), 6to4
// (RFC 3056).
AddressClass classify_v4(std::span<const std::uint8_t, 4> address);
AddressClass classify_v6(std::span<const std::uint8_t, 16> address);

// Of an IPv4 or IPv6 literal, with or without a zone; nothing for any other text.
std::optional<AddressClass> classify_address(std::string_view text);

// Whether an IP literal without a zone is one of the public internet: none of the classes above but the
// first, and in no network that is private or set aside (RFC 6890: 10/8, 100.64/10, 172.16/12, 192.168/16,
// fc00::/7, those for documentation and benchmarks, …). Of IPv6 only 2000::/3 and what carries a public IPv4
// address is.
bool is_public_address(std::string_view text);

// "loopback", "link_local", …: static.
const char* to_string(AddressClass address_class);

}  // namespace ingress::base
