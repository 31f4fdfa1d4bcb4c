#include "http/grpc_health.h"

#include <cstddef>

namespace ingress::http {
namespace {

constexpr std::size_t kPrefixBytes = 5;  // a flag and a length (PROTOCOL-HTTP2.md, Length-Prefixed-Message)

// Of protobuf's encoding.
enum class WireType : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
constexpr std::uint64_t tag(std::uint64_t field, WireType type) {
  return field << 3 | static_cast<std::uint64_t>(type);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7f) | 0x80);
  out += static_cast<char>(value);
}

// Ten bytes at most; what is beyond 64 bits is lost, as in other readers.
std::optional<std::uint64_t> take_varint(std::string_view& in) {
  constexpr unsigned kMaxBits = 70;
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < kMaxBits && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// The value of a field that nobody asks for; false when it cannot be passed over.
bool skip_value(std::string_view& in, WireType type) {
  std::uint64_t size = 0;
  switch (type) {
    case WireType::kVarint:
      return take_varint(in).has_value();
    case WireType::kFixed64:
      size = 8;
      break;
    case WireType::kFixed32:
      size = 4;
      break;
    case WireType::kBytes: {
      const auto told = take_varint(in);
      if (!told) return false;
      size = *told;
      break;
    }
    default:
      return false;
  }
  if (size > in.size()) return false;
  in.remove_prefix(static_cast<std::size_t>(size));
  return true;
}

}  // namespace

std::string make_health_request(std::string_view service) {
  std::string body(kPrefixBytes, '\0');
  if (!service.empty()) {
    put_varint(body, tag(1, WireType::kBytes));
    put_varint(body, service.size());
    body += service;
  }
  const std::size_t size = body.size() - kPrefixBytes;
  for (unsigned i = 0; i < 4; ++i) body[1 + i] = static_cast<char>(size >> (24 - 8 * i));
  return body;
}

std::optional<ServingStatus> read_health_response(std::string_view body) {
  if (body.size() < kPrefixBytes || body[0] != '\0') return std::nullopt;
  std::size_t size = 0;
  for (unsigned i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(body[1 + i]);
  std::string_view in = body.substr(kPrefixBytes);
  if (in.size() != size) return std::nullopt;
  std::uint64_t status = 0;
  while (!in.empty()) {
    const auto field = take_varint(in);
    if (!field) return std::nullopt;
    if (*field != tag(1, WireType::kVarint)) {
      if (*field >> 3 == 0 || !skip_value(in, static_cast<WireType>(*field & 7))) return std::nullopt;
      continue;
    }
    const auto value = take_varint(in);
    if (!value) return std::nullopt;
    status = *value;
  }
  return static_cast<ServingStatus>(static_cast<std::uint32_t>(status));
}

}  // namespace ingress::http
