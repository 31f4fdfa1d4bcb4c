#include "tls/base64.h"

#include <openssl/base64.h>

#include <cstddef>

namespace ingress::tls {

std::optional<std::vector<std::uint8_t>> decode_base64(std::string_view text) {
  std::string letters;
  letters.reserve(text.size());
  for (const char c : text)
    if (c != '\n' && c != '\r' && c != ' ' && c != '\t') letters += c;
  std::vector<std::uint8_t> bytes(letters.size() / 4 * 3 + 3);
  std::size_t size = 0;
  if (!EVP_DecodeBase64(bytes.data(), &size, bytes.size(),
                        reinterpret_cast<const std::uint8_t*>(letters.data()), letters.size()))
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string encode_base64(std::span<const std::uint8_t> bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // the function ends it with a NUL
  text.resize(EVP_EncodeBlock(reinterpret_cast<std::uint8_t*>(text.data()), bytes.data(), bytes.size()));
  return text;
}

}  // namespace ingress::tls
