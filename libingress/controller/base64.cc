#include "controller/base64.h"

#include <cstdint>

namespace ingress::controller {
namespace {

int sextet(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t bits = 0;
  int num_chars = 0;    // of the current group of four
  int num_padding = 0;  // '=' seen; they can only end the text
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (++num_padding > 2 || num_chars < 2) return std::nullopt;
      bits <<= 6;
    } else {
      const int value = sextet(c);
      if (value < 0 || num_padding > 0) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    if (++num_chars < 4) continue;
    for (int i = 0; i < 3; ++i) {
      const auto byte = static_cast<char>(bits >> (16 - 8 * i) & 0xff);
      if (i < 3 - num_padding) {
        out.push_back(byte);
      } else if (byte != 0) {
        return std::nullopt;
      }
    }
    bits = 0;
    num_chars = 0;
  }
  if (num_chars != 0) return std::nullopt;
  return out;
}

}  // namespace ingress::controller
