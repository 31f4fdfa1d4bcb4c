#include "base/address_class.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

namespace ingress::base {

namespace {

using V6 = std::span<const std::uint8_t, 16>;

template <std::size_t N>
bool has_prefix(V6 address, const std::array<std::uint8_t, N>& prefix) {
  return std::equal(prefix.begin(), prefix.end(), address.begin());
}

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::array<std::uint8_t, 12> kCompatible{};
constexpr std::array<std::uint8_t, 12> kNat64{0, 0x64, 0xff, 0x9b};
constexpr std::array<std::uint8_t, 6> kLocalNat64{0, 0x64, 0xff, 0x9b, 0, 1};
constexpr std::array<std::uint8_t, 2> k6to4{0x20, 0x02};
// The instance metadata of AWS over IPv6: link-local in all but name.
constexpr std::array<std::uint8_t, 16> kMetadata{0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0x54};

// A network chooses the length of its prefix inside 64:ff9b:1::/48; the two usual ones are told apart by the
// zeros that the /48 form ends with (RFC 6052 2.2).
AddressClass classify_local_nat64(V6 address) {
  const auto last = address.last<4>();
  if (std::ranges::any_of(last, [](std::uint8_t byte) { return byte != 0; })) return classify_v4(last);
  const std::array<std::uint8_t, 4> split{address[6], address[7], address[9], address[10]};
  return classify_v4(split);
}

// Networks of IPv4 that nobody on the public internet has, but for those with a class of their own.
struct V4Network {
  std::array<std::uint8_t, 4> address;
  unsigned prefix_bits;
};
constexpr std::array<V4Network, 10> kSetAside{{{{10, 0, 0, 0}, 8},
                                               {{100, 64, 0, 0}, 10},
                                               {{172, 16, 0, 0}, 12},
                                               {{192, 0, 0, 0}, 24},
                                               {{192, 0, 2, 0}, 24},
                                               {{192, 88, 99, 0}, 24},
                                               {{192, 168, 0, 0}, 16},
                                               {{198, 18, 0, 0}, 15},
                                               {{198, 51, 100, 0}, 24},
                                               {{203, 0, 113, 0}, 24}}};

std::uint32_t to_number(std::span<const std::uint8_t, 4> address) {
  return std::uint32_t{address[0]} << 24U | std::uint32_t{address[1]} << 16U |
         std::uint32_t{address[2]} << 8U | address[3];
}

bool is_public_v4(std::span<const std::uint8_t, 4> address) {
  if (classify_v4(address) != AddressClass::kOrdinary) return false;
  return std::ranges::none_of(kSetAside, [&](const V4Network& network) {
    return ((to_number(address) ^ to_number(network.address)) >> (32U - network.prefix_bits)) == 0;
  });
}

bool is_public_v6(V6 address) {
  if (has_prefix(address, kMapped) || has_prefix(address, kNat64)) return is_public_v4(address.last<4>());
  if (has_prefix(address, k6to4)) return is_public_v4(address.subspan<2, 4>());
  // Of 2000::/3, which alone is given out, 2001::/23 is for protocols (Teredo, ORCHID), 2001:db8::/32 and
  // 3fff::/20 for documentation.
  if ((address[0] & 0xe0) != 0x20) return false;
  const unsigned first = unsigned{address[0]} << 8U | address[1],
                 second = unsigned{address[2]} << 8U | address[3];
  return !(first == 0x2001 && (second < 0x200 || second == 0xdb8)) && !(first == 0x3fff && second < 0x1000);
}

}  // namespace

AddressClass classify_v4(std::span<const std::uint8_t, 4> address) {
  if (address[0] == 0) return AddressClass::kUnspecified;
  if (address[0] == 127) return AddressClass::kLoopback;
  if (address[0] == 169 && address[1] == 254) return AddressClass::kLinkLocal;
  if (address[0] >= 240) return AddressClass::kReserved;
  if (address[0] >= 224) return AddressClass::kMulticast;
  return AddressClass::kOrdinary;
}

AddressClass classify_v6(V6 address) {
  if (has_prefix(address, kCompatible)) {
    const auto last = address.last<4>();
    const bool is_small = last[0] == 0 && last[1] == 0 && last[2] == 0;
    if (is_small && last[3] == 1) return AddressClass::kLoopback;
    return classify_v4(last);
  }
  if (has_prefix(address, kMapped) || has_prefix(address, kNat64)) return classify_v4(address.last<4>());
  if (has_prefix(address, kLocalNat64)) return classify_local_nat64(address);
  if (has_prefix(address, k6to4)) return classify_v4(address.subspan<2, 4>());
  if (has_prefix(address, kMetadata)) return AddressClass::kLinkLocal;
  if (address[0] == 0xff) return AddressClass::kMulticast;
  if (address[0] == 0xfe && (address[1] & 0xc0) == 0x80) return AddressClass::kLinkLocal;
  return AddressClass::kOrdinary;
}

std::optional<AddressClass> classify_address(std::string_view text) {
  // inet_pton wants a C string without a zone: a NUL inside must not end it early.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string plain(text.substr(0, text.find('%')));
  std::array<std::uint8_t, 16> bytes{};
  if (plain.size() == text.size() && inet_pton(AF_INET, plain.c_str(), bytes.data()) == 1) {
    return classify_v4(std::span(bytes).first<4>());
  }
  if (inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1) return classify_v6(bytes);
  return std::nullopt;
}

bool is_public_address(std::string_view text) {
  const std::string plain(text);
  if (text.find('\0') != std::string_view::npos) return false;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, plain.c_str(), bytes.data()) == 1) return is_public_v4(std::span(bytes).first<4>());
  return inet_pton(AF_INET6, plain.c_str(), bytes.data()) == 1 && is_public_v6(bytes);
}

const char* to_string(AddressClass address_class) {
  switch (address_class) {
    case AddressClass::kOrdinary:
      return "ordinary";
    case AddressClass::kLoopback:
      return "loopback";
    case AddressClass::kLinkLocal:
      return "link_local";
    case AddressClass::kUnspecified:
      return "unspecified";
    case AddressClass::kMulticast:
      return "multicast";
    case AddressClass::kReserved:
      return "reserved";
  }
  return "ordinary";
}

}  // namespace ingress::base
