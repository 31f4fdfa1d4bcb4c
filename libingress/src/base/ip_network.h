// IP addresses and networks as values. IPv4 and its IPv6-mapped form are the same address.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace ingress::base {

// In network order; IPv4 as ::ffff:a.b.c.d.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes = {};
  bool is_ipv4() const;
  friend bool operator==(const IpAddress&, const IpAddress&) = default;
};
// As inet_pton takes it: no port, no brackets, no zone.
std::optional<IpAddress> parse_ip_address(std::string_view text);

class IpNetwork {
 public:
  // "10.0.0.0/8", "fd00::/8", or one address. Nullopt when bits are set behind the prefix: whoever wrote
  // 10.1.2.3/8 may have meant the one or the other.
  static std::optional<IpNetwork> parse(std::string_view text);
  // An IPv6 network never holds IPv4 addresses, not even ::/0.
  bool contains(const IpAddress& address) const;

 private:
  IpNetwork(const IpAddress& address, unsigned prefix_bits) : address_(address), prefix_bits_(prefix_bits) {}
  IpAddress address_;
  unsigned prefix_bits_;  // of 128; those of IPv4 count from 96
};

}  // namespace ingress::base
