// Reads PEM text (RFC 7468), the form in which certificates and keys come from Secrets and files.
// No state. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace ingress::tls {

struct PemBlock {
  std::string label;              // between "-----BEGIN " and "-----"
  std::vector<std::uint8_t> der;  // what the base64 says; never empty, not looked into
  friend bool operator==(const PemBlock&, const PemBlock&) = default;
};

// A chain has three or four blocks of one or two KB each; a Secret holds at most 1 MB.
inline constexpr std::size_t kMaxPemBytes = std::size_t{1} << 20U;
inline constexpr std::size_t kMaxPemBlocks = 64;

// All blocks of `text` in their order; none when it has none. What stands outside of blocks is ignored (RFC
// 7468 5.2 has people write there). One block that cannot be read, or is encrypted, fails the whole: a chain
// without one of its certificates is another chain. The error counts blocks from 1 and shows nothing of their
// contents.
[[nodiscard]] std::expected<std::vector<PemBlock>, std::string> read_pem(
    std::string_view text, std::size_t max_blocks = kMaxPemBlocks);

}  // namespace ingress::tls
