#include "base/ip_network.h"

#include <arpa/inet.h>

#include <algorithm>
#include <span>

#include "base/text.h"

namespace ingress::base {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned kMappedBits = 8 * kMapped.size();
constexpr unsigned kAllBits = 128;

// With every bit behind the first `num_bits` cleared.
IpAddress cut(IpAddress address, unsigned num_bits) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    const unsigned kept = std::clamp(static_cast<int>(num_bits) - static_cast<int>(8 * i), 0, 8);
    address.bytes[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
  }
  return address;
}

}  // namespace

bool IpAddress::is_ipv4() const {
  return std::ranges::equal(kMapped, std::span(bytes).first<kMapped.size()>());
}

std::optional<IpAddress> parse_ip_address(std::string_view text) {
  IpAddress address;
  if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != text.npos) return std::nullopt;
  char copy[INET6_ADDRSTRLEN + 1];
  *std::ranges::copy(text, copy).out = '\0';
  if (inet_pton(AF_INET6, copy, address.bytes.data()) == 1) return address;
  std::ranges::copy(kMapped, address.bytes.begin());
  if (inet_pton(AF_INET, copy, address.bytes.data() + kMapped.size()) == 1) return address;
  return std::nullopt;
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = parse_ip_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == text.npos) return IpNetwork(*address, kAllBits);
  const std::string_view digits = text.substr(slash + 1);
  const auto bits = parse_decimal<std::uint8_t>(digits);
  // Written as IPv4: the prefix counts from its own first bit.
  const unsigned first = is_ipv4_address(text.substr(0, slash)) ? kMappedBits : 0;
  if (!bits || digits.size() > 3 || *bits > kAllBits - first) return std::nullopt;
  const IpNetwork network(*address, first + *bits);
  if (cut(*address, network.prefix_bits_) != *address) return std::nullopt;
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  if (address.is_ipv4() && prefix_bits_ < kMappedBits) return false;
  return cut(address, prefix_bits_) == address_;
}

}  // namespace ingress::base
