// gRPC-Web: base64 as clients send it, and back. The first byte says where the rest is cut.
//
// Asserted: a decoder that gets the text in pieces says of it what one that gets it whole does, and what RFC
// 4648 by its letter does; bytes that were encoded, in pieces too, decode to what they were.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/grpc_web.h"
#include "support/require.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::fuzzing;

namespace {

struct Decoded {
  bool is_valid;
  bool is_complete;
  std::string bytes;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, std::size_t step, base::BufferPool& pool) {
  Base64Decoder decoder;
  base::Chain out;
  bool is_valid = true;
  for (; !text.empty(); text.remove_prefix(std::min(step, text.size()))) {
    is_valid = decoder.feed(text.substr(0, step), out, pool);
  }
  return {is_valid, decoder.is_complete(), out.to_string()};
}

int digit_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// Group by group; nullopt when it is not base64 to its end.
std::optional<std::string> strict_decode(std::string_view text) {
  std::string bytes;
  if (text.size() % 4 != 0) return std::nullopt;
  for (std::size_t at = 0; at < text.size(); at += 4) {
    const std::string_view group = text.substr(at, 4);
    const std::size_t num_padded = group.ends_with("==") ? 2 : group.ends_with('=') ? 1 : 0;
    std::uint32_t bits = 0;
    for (const char c : group.substr(0, 4 - num_padded)) {
      if (digit_of(c) < 0) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(digit_of(c));
    }
    bits <<= 6 * num_padded;
    for (std::size_t i = 0; i < 3; ++i) {
      const char byte = static_cast<char>(bits >> (16 - 8 * i));
      if (i < 3 - num_padded) {
        bytes += byte;
      } else if (byte != 0) {
        return std::nullopt;
      }
    }
  }
  return bytes;
}

void check_round_trip(std::string_view bytes, std::size_t step, base::BufferPool& pool) {
  base::Chain out;
  for (std::string_view rest = bytes; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    base::Chain piece;
    const std::string_view part = rest.substr(0, step);
    piece.append(pool.copy(part.substr(0, part.size() / 2)));
    piece.append(pool.copy(part.substr(part.size() / 2)));
    append_base64(std::move(piece), out, pool);
  }
  const Decoded decoded = decode(out.to_string(), step, pool);
  require(decoded.is_valid && decoded.is_complete, "what was encoded is base64");
  require_equal(decoded.bytes, std::string(bytes), "and the same bytes");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t step = std::size_t{data[0]} + 1;
  base::BufferPool pool;
  const Decoded whole = decode(text, std::string_view::npos, pool);
  const Decoded pieces = decode(text, step, pool);
  require(whole == pieces, "the same in pieces");
  const auto strict = strict_decode(text);
  require((whole.is_valid && whole.is_complete) == strict.has_value(), "takes the same texts");
  if (strict) require_equal(whole.bytes, *strict, "as the same bytes");
  check_round_trip(text, step, pool);
  return 0;
}
