#include "net/proxy_header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/ip_network.h"
#include "base/text.h"

namespace ingress::net {
namespace {

using Result = std::expected<std::optional<ProxyHeader>, Error>;
using std::literals::operator""sv;

constexpr std::string_view kPrefixV1 = "PROXY ";
constexpr std::size_t kMaxBytesV1 = 107;
constexpr std::string_view kSignatureV2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t kFixedBytesV2 = 16;

// The 13th byte: version and command. The 14th: family and protocol.
constexpr std::uint8_t kLocal = 0x20;
constexpr std::uint8_t kProxy = 0x21;
constexpr std::uint8_t kUnspecified = 0x00;
constexpr std::uint8_t kTcp4 = 0x11;
constexpr std::uint8_t kTcp6 = 0x21;

constexpr std::size_t kBytesOfTlvHead = 3;
constexpr std::uint8_t kTlvCrc32c = 0x03;

std::unexpected<Error> refusal(const char* what) {
  return std::unexpected(Error{.code = ErrorCode::kBadRequest,
                               .side = ErrorSide::kDownstream,
                               .retry = RetrySafety::kNotSafe,
                               .what = what,
                               .detail = {}});
}

std::uint8_t byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint8_t>(bytes[index]);
}
std::uint16_t number_at(std::string_view bytes, std::size_t index) {
  return static_cast<std::uint16_t>(byte_at(bytes, index) << 8U | byte_at(bytes, index + 1));
}

// IPv4-mapped addresses become the IPv4 address that they are, as those of sockets do.
PeerAddress to_peer(const base::IpAddress& address, std::uint16_t port) {
  PeerAddress peer;
  const bool is_ipv4 = address.is_ipv4();
  inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address.bytes.data() + (is_ipv4 ? 12 : 0), peer.text,
            sizeof peer.text);
  peer.port = port;
  return peer;
}

base::IpAddress mapped(std::string_view four_bytes) {
  base::IpAddress address;
  address.bytes[10] = address.bytes[11] = 0xff;
  std::ranges::copy(four_bytes, address.bytes.begin() + 12);
  return address;
}
base::IpAddress plain(std::string_view sixteen_bytes) {
  base::IpAddress address;
  std::ranges::copy(sixteen_bytes, address.bytes.begin());
  return address;
}

// RFC 9260 appendix A, of the header with the four bytes at `checksum` taken for zeros.
std::uint32_t crc32c(std::string_view bytes, std::size_t checksum) {
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i - checksum >= 4) crc ^= byte_at(bytes, i);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ (crc & 1U ? 0x82f63b78U : 0);
  }
  return ~crc;
}

// `header` is whole; its extensions begin at `index`.
bool are_extensions_right(std::string_view header, std::size_t index) {
  bool has_checksum = false;
  while (index < header.size()) {
    if (header.size() - index < kBytesOfTlvHead) return false;
    const std::uint8_t type = byte_at(header, index);
    const std::size_t size = number_at(header, index + 1);
    index += kBytesOfTlvHead;
    if (size > header.size() - index) return false;
    if (type == kTlvCrc32c) {
      if (size != 4 || std::exchange(has_checksum, true)) return false;
      const std::uint32_t told =
          static_cast<std::uint32_t>(number_at(header, index)) << 16U | number_at(header, index + 2);
      if (told != crc32c(header, index)) return false;
    }
    index += size;
  }
  return true;
}

// Bytes of addresses and ports.
std::size_t address_bytes(unsigned family) {
  constexpr std::array<std::size_t, 4> kBytes = {0, 12, 36, 216};
  return kBytes[family];
}

Result parse_v2(std::string_view bytes) {
  if (!kSignatureV2.starts_with(bytes.substr(0, kSignatureV2.size()))) return refusal("proxy_signature");
  if (bytes.size() <= 12) return std::nullopt;
  const std::uint8_t command = byte_at(bytes, 12);
  if (command != kLocal && command != kProxy) return refusal("proxy_command");
  if (bytes.size() <= 13) return std::nullopt;
  const unsigned family = byte_at(bytes, 13) >> 4U;
  const unsigned protocol = byte_at(bytes, 13) & 0xfU;
  // LOCAL says nothing about anybody: what else is in it is ignored, as the protocol has it.
  if (command == kProxy && (family > 3 || protocol > 2)) return refusal("proxy_family");
  if (bytes.size() < kFixedBytesV2) return std::nullopt;
  const std::size_t size = kFixedBytesV2 + number_at(bytes, 14);
  const bool has_addresses = command == kProxy && family != 0 && protocol != 0;
  const std::size_t extensions = kFixedBytesV2 + (has_addresses ? address_bytes(family) : 0);
  if (size > kMaxProxyHeaderBytes || size < extensions) return refusal("proxy_length");
  if (bytes.size() < size) return std::nullopt;

  ProxyHeader header{.size_bytes = size, .addresses = {}};
  if (!has_addresses) return header;
  if (!are_extensions_right(bytes.substr(0, size), extensions)) return refusal("proxy_extension");
  const std::string_view block = bytes.substr(kFixedBytesV2);
  if (byte_at(bytes, 13) == kTcp4) {
    header.addresses = {to_peer(mapped(block.substr(0, 4)), number_at(block, 8)),
                        to_peer(mapped(block.substr(4, 4)), number_at(block, 10))};
  } else if (byte_at(bytes, 13) == kTcp6) {
    header.addresses = {to_peer(plain(block.substr(0, 16)), number_at(block, 32)),
                        to_peer(plain(block.substr(16, 16)), number_at(block, 34))};
  }
  return header;
}

// Takes what is in front of the first space off `line`; all of it when there is none.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == line.npos ? std::string_view() : line.substr(space + 1);
  return word;
}

std::optional<base::IpAddress> parse_address_v1(std::string_view word, bool is_ipv4) {
  return base::is_ipv4_address(word) == is_ipv4 ? base::parse_ip_address(word) : std::nullopt;
}

// "Heading zeroes are not permitted."
std::optional<std::uint16_t> parse_port_v1(std::string_view word) {
  if (word.size() > 1 && word.starts_with('0')) return std::nullopt;
  return base::parse_decimal<std::uint16_t>(word);
}

Result parse_v1(std::string_view bytes) {
  if (!kPrefixV1.starts_with(bytes.substr(0, kPrefixV1.size()))) return refusal("proxy_signature");
  const std::string_view front = bytes.substr(0, kMaxBytesV1);
  const std::size_t end = front.find_first_of("\r\n");
  const bool is_cut = end == front.npos || (front[end] == '\r' && end + 1 == front.size());
  if (is_cut && bytes.size() < kMaxBytesV1) return std::nullopt;
  if (is_cut || front.substr(end, 2) != "\r\n") return refusal("proxy_line");

  ProxyHeader header{.size_bytes = end + 2, .addresses = {}};
  std::string_view line = front.substr(0, end);
  line.remove_prefix(kPrefixV1.size());
  const std::string_view protocol = take_word(line);
  if (protocol == "UNKNOWN") return header;  // whatever comes behind it
  const bool is_ipv4 = protocol == "TCP4";
  if (!is_ipv4 && protocol != "TCP6") return refusal("proxy_family");
  const auto client = parse_address_v1(take_word(line), is_ipv4);
  const auto destination = parse_address_v1(take_word(line), is_ipv4);
  const auto client_port = parse_port_v1(take_word(line));
  const auto destination_port = parse_port_v1(line);
  if (!client || !destination || !client_port || !destination_port) return refusal("proxy_address");
  header.addresses = {to_peer(*client, *client_port), to_peer(*destination, *destination_port)};
  return header;
}

struct Parties {
  base::IpAddress client, destination;
  std::uint16_t client_port, destination_port;
  bool are_ipv4() const { return client.is_ipv4() && destination.is_ipv4(); }
};

// Nothing when the client has no IP address.
std::optional<Parties> to_parties(const ProxyAddresses* addresses) {
  if (addresses == nullptr) return std::nullopt;
  const auto client = base::parse_ip_address(addresses->client.view());
  const auto destination = base::parse_ip_address(addresses->destination.view());
  if (!client) return std::nullopt;
  const base::IpAddress unspecified = client->is_ipv4() ? mapped("\0\0\0\0"sv) : base::IpAddress();
  return Parties{.client = *client,
                 .destination = destination.value_or(unspecified),
                 .client_port = addresses->client.port,
                 .destination_port = destination ? addresses->destination.port : std::uint16_t{0}};
}

// An IPv4 address among IPv6 ones is written as a mapped one.
std::string to_text(const base::IpAddress& address, bool is_ipv4) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address.bytes.data() + (is_ipv4 ? 12 : 0), text, sizeof text);
  return text;
}

void append_number(std::string& out, std::size_t number) {
  out += static_cast<char>(number >> 8U & 0xffU);
  out += static_cast<char>(number & 0xffU);
}

}  // namespace

std::expected<std::optional<ProxyHeader>, Error> parse_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  return bytes[0] == kSignatureV2[0] ? parse_v2(bytes) : parse_v1(bytes);
}

std::string proxy_header_v1(const ProxyAddresses* addresses) {
  const auto parties = to_parties(addresses);
  if (!parties) return "PROXY UNKNOWN\r\n";
  const bool is_ipv4 = parties->are_ipv4();
  std::string out = is_ipv4 ? "PROXY TCP4 " : "PROXY TCP6 ";
  out += to_text(parties->client, is_ipv4) + " " + to_text(parties->destination, is_ipv4) + " ";
  out += std::to_string(parties->client_port) + " " + std::to_string(parties->destination_port) + "\r\n";
  return out;
}

std::string proxy_header_v2(const ProxyAddresses* addresses) {
  const auto parties = to_parties(addresses);
  std::string out(kSignatureV2);
  out += static_cast<char>(parties ? kProxy : kLocal);
  if (!parties) {
    out += static_cast<char>(kUnspecified);
    append_number(out, 0);
    return out;
  }
  const bool is_ipv4 = parties->are_ipv4();
  out += static_cast<char>(is_ipv4 ? kTcp4 : kTcp6);
  append_number(out, address_bytes(is_ipv4 ? 1 : 2));
  for (const base::IpAddress* address : {&parties->client, &parties->destination})
    out.append(reinterpret_cast<const char*>(address->bytes.data()) + (is_ipv4 ? 12 : 0), is_ipv4 ? 4 : 16);
  append_number(out, parties->client_port);
  append_number(out, parties->destination_port);
  return out;
}

}  // namespace ingress::net
