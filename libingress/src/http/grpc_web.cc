#include "http/grpc_web.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/text.h"

namespace ingress::http {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    table[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}();

// Of text at once: three bytes for four of it, and what is left from before.
constexpr std::size_t kTextPiece = base::BufferPool::kMediumBytes;

// Up to three bytes as four characters.
void encode_group(const unsigned char* bytes, std::size_t size, char* to) {
  const unsigned bits = static_cast<unsigned>(bytes[0]) << 16 |
                        (size > 1 ? static_cast<unsigned>(bytes[1]) << 8 : 0U) |
                        (size > 2 ? static_cast<unsigned>(bytes[2]) : 0U);
  to[0] = kAlphabet[bits >> 18];
  to[1] = kAlphabet[bits >> 12 & 63];
  to[2] = size > 1 ? kAlphabet[bits >> 6 & 63] : '=';
  to[3] = size > 2 ? kAlphabet[bits & 63] : '=';
}

// Groups of three bytes as they come, over the borders of slices.
class Encoder {
 public:
  Encoder(base::Chain& out, base::BufferPool& pool) : out_(out), pool_(pool) {}
  void take(std::string_view bytes) {
    for (const char c : bytes) {
      group_[num_++] = static_cast<unsigned char>(c);
      if (num_ == group_.size()) put();
    }
  }
  void end() {
    if (num_ > 0) put();
    flush();
  }

 private:
  void put() {
    if (block_ == nullptr) block_ = pool_.take_block(base::BufferPool::kMediumBytes);
    encode_group(group_.data(), num_, block_->data() + size_);
    num_ = 0;
    size_ += 4;
    if (size_ + 4 > block_->capacity) flush();
  }
  void flush() {
    if (block_ == nullptr) return;
    out_.append(base::Slice(block_, 0, size_));
    block_ = nullptr;
    size_ = 0;
  }

  base::Chain& out_;
  base::BufferPool& pool_;
  base::Block* block_ = nullptr;
  std::uint32_t size_ = 0;
  std::array<unsigned char, 3> group_{};
  std::size_t num_ = 0;
};

}  // namespace

bool Base64Decoder::take(char c, char*& to) {
  if (c == '=') {
    // Two characters at least, and nothing in the bits that no byte is made of (RFC 4648 3.5).
    if (num_ < 2) return false;
    const unsigned unused = num_padded_ > 0 ? 0U : num_ == 2 ? bits_ & 15U : bits_ & 3U;
    if (unused != 0) return false;
    ++num_padded_;
  } else {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit || num_padded_ > 0) return false;
    bits_ = bits_ << 6 | digit;
  }
  if (++num_ < 4) return true;
  if (num_padded_ == 0) {
    *to++ = static_cast<char>(bits_ >> 16);
    *to++ = static_cast<char>(bits_ >> 8);
    *to++ = static_cast<char>(bits_);
  } else if (num_padded_ == 1) {
    *to++ = static_cast<char>(bits_ >> 10);
    *to++ = static_cast<char>(bits_ >> 2);
  } else {
    *to++ = static_cast<char>(bits_ >> 4);
  }
  bits_ = num_ = num_padded_ = 0;
  return true;
}

bool Base64Decoder::feed(std::string_view text, base::Chain& out, base::BufferPool& pool) {
  while (!text.empty() && is_valid_) {
    const std::string_view part = text.substr(0, kTextPiece);
    text.remove_prefix(part.size());
    base::Block* const block = pool.take_block(part.size() / 4 * 3 + 3);
    char* to = block->data();
    for (const char c : part) {
      if (take(c, to)) continue;
      is_valid_ = false;
      break;
    }
    out.append(base::Slice(block, 0, static_cast<std::uint32_t>(to - block->data())));
  }
  return is_valid_;
}

void append_base64(base::Chain&& bytes, base::Chain& out, base::BufferPool& pool) {
  Encoder encoder(out, pool);
  while (!bytes.is_empty()) {
    const base::Slice slice = bytes.take_front();
    encoder.take(slice.view());
  }
  encoder.end();
}

std::string make_trailer_frame(const Headers& trailers) {
  constexpr std::size_t kPrefix = 5;
  std::string frame(kPrefix, '\0');
  for (const HeaderField& field : trailers) {
    frame += base::to_lower_ascii(field.name);
    frame.append(": ").append(field.value).append("\r\n");
  }
  const auto size = static_cast<std::uint32_t>(frame.size() - kPrefix);
  frame[0] = static_cast<char>(0x80);
  for (unsigned i = 0; i < 4; ++i) frame[1 + i] = static_cast<char>(size >> (24 - 8 * i));
  return frame;
}

std::string to_grpc_web_type(std::string_view content_type, GrpcKind kind) {
  if (grpc_kind(content_type) != GrpcKind::kGrpc) return {};
  std::string type(kind == GrpcKind::kWebText ? "application/grpc-web-text" : "application/grpc-web");
  return type.append(content_type.substr(kGrpcContentType.size()));
}

std::string to_grpc_type(std::string_view content_type) {
  const std::size_t end = content_type.find_first_of("+; \t");
  std::string type(kGrpcContentType);
  if (end != content_type.npos) type.append(content_type.substr(end));
  return type;
}

GrpcKind wanted_grpc_web_kind(std::string_view accept, GrpcKind request) {
  while (const auto element = base::next_list_element(accept)) {
    const GrpcKind kind = grpc_kind(*element);
    if (kind == GrpcKind::kWeb || kind == GrpcKind::kWebText) return kind;
  }
  return request;
}

}  // namespace ingress::http
