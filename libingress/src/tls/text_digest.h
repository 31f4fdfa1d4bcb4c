// Hashes texts and numbers so that no two lists of them are one.
#pragma once

#include <openssl/sha2.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace ingress::tls {

class TextDigest {
 public:
  TextDigest() { SHA256_Init(&context_); }
  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    SHA256_Update(&context_, text.data(), text.size());
  }
  void add(std::uint64_t number) { SHA256_Update(&context_, &number, sizeof number); }
  std::string take() {
    std::uint8_t bytes[SHA256_DIGEST_LENGTH];
    SHA256_Final(bytes, &context_);
    return {reinterpret_cast<const char*>(bytes), sizeof bytes};
  }

 private:
  SHA256_CTX context_;
};

}  // namespace ingress::tls
