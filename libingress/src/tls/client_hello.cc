#include "tls/client_hello.h"

#include <openssl/bytestring.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "tls/boring.h"

namespace ingress::tls {
namespace {

constexpr std::size_t kRecordHeaderBytes = 5;   // RFC 8446 5.1: type, version, length
constexpr std::size_t kMessageHeaderBytes = 4;  // RFC 8446 4: type, length of 24 bits
constexpr std::size_t kMaxFragmentBytes = SSL3_RT_MAX_PLAIN_LENGTH;
constexpr std::size_t kMaxNameBytes = 255;

std::size_t message_size(std::string_view header) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<std::uint8_t>(header[i]));
  };
  return kMessageHeaderBytes + (byte(1) << 16 | byte(2) << 8 | byte(3));
}

// RFC 6066 3. One name, of a host: there has never been another type. False when it is malformed.
bool read_server_name(CBS extension, std::string& out) {
  CBS list, name;
  std::uint8_t type = 0;
  if (!CBS_get_u16_length_prefixed(&extension, &list) || CBS_len(&extension) != 0 ||
      !CBS_get_u8(&list, &type) || type != TLSEXT_NAMETYPE_host_name ||
      !CBS_get_u16_length_prefixed(&list, &name) || CBS_len(&list) != 0)
    return false;
  if (CBS_len(&name) == 0 || CBS_len(&name) > kMaxNameBytes || CBS_contains_zero_byte(&name)) return false;
  out = base::to_lower_ascii({reinterpret_cast<const char*>(CBS_data(&name)), CBS_len(&name)});
  return true;
}

// RFC 8446 4.2: no type twice.
bool read_extensions(CBS extensions, std::string& server_name) {
  std::vector<std::uint16_t> types;
  while (CBS_len(&extensions) > 0) {
    std::uint16_t type = 0;
    CBS body;
    if (!CBS_get_u16(&extensions, &type) || !CBS_get_u16_length_prefixed(&extensions, &body)) return false;
    if (type == TLSEXT_TYPE_server_name && !read_server_name(body, server_name)) return false;
    types.push_back(type);
  }
  std::ranges::sort(types);
  return std::ranges::adjacent_find(types) == types.end();
}

}  // namespace

ClientHelloReader::State ClientHelloReader::read(std::string_view bytes) {
  while (state_ == State::kMore && !bytes.empty()) {
    bool is_right = true;
    if (fragment_bytes_ == 0) {
      header_ += bytes.front();
      bytes.remove_prefix(1);
      ++num_read_;
      is_right = read_record_header();
    } else {
      is_right = take_fragment(bytes);
    }
    // What is whole by then may be as long as that.
    if (!is_right || (state_ == State::kMore && num_read_ >= kMaxBytes)) state_ = State::kNotTls;
  }
  if (state_ != State::kMore) header_.clear(), message_.clear();
  if (state_ == State::kNotTls) server_name_.clear();
  return state_;
}

// Looks at each byte as it comes, so that what is no TLS is not waited for. Versions: RFC 8446 5.1 and D.1,
// the first byte says all.
bool ClientHelloReader::read_record_header() {
  const std::uint8_t last = static_cast<std::uint8_t>(header_.back());
  if (header_.size() == 1) return last == SSL3_RT_HANDSHAKE;
  if (header_.size() == 2) return last == SSL3_VERSION_MAJOR;
  if (header_.size() < kRecordHeaderBytes) return true;
  fragment_bytes_ = static_cast<std::size_t>(static_cast<std::uint8_t>(header_[3])) << 8 | last;
  header_.clear();
  return fragment_bytes_ > 0 && fragment_bytes_ <= kMaxFragmentBytes;
}

// The part of `bytes` that belongs to the record; behind the message it is somebody else's.
bool ClientHelloReader::take_fragment(std::string_view& bytes) {
  const std::string_view part = bytes.substr(0, std::min(fragment_bytes_, kMaxBytes - num_read_));
  message_ += part;
  bytes.remove_prefix(part.size());
  fragment_bytes_ -= part.size();
  num_read_ += part.size();
  if (static_cast<std::uint8_t>(message_.front()) != SSL3_MT_CLIENT_HELLO) return false;
  if (message_.size() < kMessageHeaderBytes) return true;
  const std::size_t size = message_size(message_);
  if (size > kMaxBytes) return false;
  if (message_.size() < size) return true;
  message_.resize(size);
  if (!read_hello()) return false;
  state_ = State::kDone;
  return true;
}

// RFC 8446 4.1.2. Before TLS 1.3 there may be no extensions at all (RFC 5246 7.4.1.2).
bool ClientHelloReader::read_hello() {
  CBS hello, session, ciphers, compressions, extensions;
  CBS_init(&hello, reinterpret_cast<const std::uint8_t*>(message_.data()), message_.size());
  std::uint16_t version = 0;
  if (!CBS_skip(&hello, kMessageHeaderBytes) || !CBS_get_u16(&hello, &version) ||
      !CBS_skip(&hello, SSL3_RANDOM_SIZE) || !CBS_get_u8_length_prefixed(&hello, &session) ||
      CBS_len(&session) > SSL_MAX_SSL_SESSION_ID_LENGTH || !CBS_get_u16_length_prefixed(&hello, &ciphers) ||
      CBS_len(&ciphers) < 2 || CBS_len(&ciphers) % 2 != 0 ||
      !CBS_get_u8_length_prefixed(&hello, &compressions) || CBS_len(&compressions) < 1)
    return false;
  if (CBS_len(&hello) == 0) return true;
  return CBS_get_u16_length_prefixed(&hello, &extensions) && CBS_len(&hello) == 0 &&
         read_extensions(extensions, server_name_);
}

}  // namespace ingress::tls
