// Numbers and texts of the wire form: written, and read from what may be anything.
//
// Numbers are LEB128 with no byte too many, signed ones zigzag, so that there is one form of each; texts are
// their length and their bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingress::config {

class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<std::uint8_t>(value | 0x80));
    byte(static_cast<std::uint8_t>(value));
  }
  void signed_number(std::int64_t value) {
    number((static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    out_ += value;
  }
  void byte(std::uint8_t value) { out_ += static_cast<char>(value); }
  void fixed(std::uint64_t value, unsigned num_bytes) {  // little-endian
    for (unsigned i = 0; i < num_bytes; ++i) byte(static_cast<std::uint8_t>(value >> (8 * i)));
  }

 private:
  std::string& out_;
};

// Once something does not fit, is_good() is false, and everything that is read is 0 or empty.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t next = byte();
      const std::uint64_t bits = next & 0x7f;
      if ((shift == 63 && bits > 1) || (next == 0 && shift > 0)) break;  // too large, or a byte too many
      value |= bits << shift;
      if ((next & 0x80) == 0) return is_good_ ? value : 0;
    }
    fail();
    return 0;
  }
  std::int64_t signed_number() {
    const std::uint64_t value = number();
    return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (size > rest_.size()) fail();
    return take(static_cast<std::size_t>(is_good_ ? size : 0));
  }
  std::uint8_t byte() {
    if (rest_.empty()) fail();
    const std::string_view one = take(is_good_ ? 1 : 0);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one[0]);
  }
  std::uint64_t fixed(unsigned num_bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < num_bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  // Of items that take a byte each at least.
  std::size_t count() {
    const std::uint64_t num = number();
    if (num > rest_.size()) fail();
    return is_good_ ? static_cast<std::size_t>(num) : 0;
  }

  void fail() {
    is_good_ = false;
    rest_ = {};
  }
  bool is_good() const { return is_good_; }
  std::size_t num_left() const { return rest_.size(); }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  bool is_good_ = true;
};

}  // namespace ingress::config
