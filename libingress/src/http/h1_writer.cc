#include "http/h1_writer.h"

#include <charconv>
#include <cstring>

#include "base/text.h"
#include "http/chars.h"
#include "http/header_names.h"
#include "http/target_text.h"

namespace ingress::http {
namespace {

using base::Block;
using base::BufferPool;
using base::Chain;
using base::Slice;

// Writes into one block that is known to be large enough.
class BlockSink {
 public:
  explicit BlockSink(char* at) : at_(at) {}
  void put(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  char* end() const { return at_; }

 private:
  char* at_;
};

// For what no block holds.
class ChainSink {
 public:
  ChainSink(Chain& out, BufferPool& pool) : out_(out), pool_(pool) {}
  void put(std::string_view text) { out_.append_copy(text, pool_); }

 private:
  Chain& out_;
  BufferPool& pool_;
};

// What a number takes at most: 20 digits of 64 bits.
constexpr std::size_t kMaxDigits = 20;
// Start line words, framing field, Connection field and empty line together, generously.
constexpr std::size_t kFixedBytes = 256;

template <typename Sink>
void put_number(Sink& out, std::uint64_t number) {
  char digits[kMaxDigits];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  out.put({digits, static_cast<std::size_t>(end - digits)});
}

template <typename Sink>
void put_method(Sink& out, std::string_view method) {
  is_all(method, kTchar) ? out.put(method) : put_only(out, method, kTchar);
}

template <typename Sink>
void put_authority(Sink& out, std::string_view authority) {
  is_vchars(authority) ? out.put(authority) : put_only(out, authority, kVchar);
}

// Filters may set anything; a line break here would be a field or a message of somebody else's making.
// What the codec has checked and nobody has replaced since needs no second look.
bool is_writable(const HeaderField& field) {
  if (field.is_checked) return true;
  const bool has_name = field.id != HeaderId::kOther || base::is_token(field.name);
  return has_name && is_field_text(field.value);
}

// The bytes of the line of which a field is the view, CR LF included (HeaderField::is_line).
const char* line_end(const HeaderField& field) {
  return field.value.data() + field.value.size() + 2;
}

// Lines that stood one behind the other in a head that was read are copied as one. A field of the writer's
// own is never joined to the one before it.
template <typename Sink>
void put_fields(Sink& out, const Headers& headers) {
  for (const HeaderField* field = headers.begin(); field != headers.end();) {
    const bool is_left_out = (kIdsOfWriter & Headers::bit(field->id)) != 0;
    if (!is_left_out && field->is_line) {
      const HeaderField* last = field;
      while (last + 1 != headers.end() && last[1].is_joined) ++last;
      const char* const run = field->name.data();
      out.put({run, static_cast<std::size_t>(line_end(*last) - run)});
      field = last + 1;
      continue;
    }
    if (!is_left_out && is_writable(*field)) {
      out.put(field->name);
      out.put(": ");
      out.put(field->value);
      out.put("\r\n");
    }
    ++field;
  }
}

template <typename Sink>
void put_connection(Sink& out, ConnectionHeader connection) {
  if (connection == ConnectionHeader::kClose) out.put("Connection: close\r\n");
  if (connection == ConnectionHeader::kKeepAlive) out.put("Connection: keep-alive\r\n");
  if (connection == ConnectionHeader::kUpgrade) out.put("Connection: Upgrade\r\n");
}

template <typename Sink>
void put_length(Sink& out, std::uint64_t length) {
  out.put("Content-Length: ");
  put_number(out, length);
  out.put("\r\n");
}

// RFC 9110 8.6: a method that means to enclose content says so, even when it is empty.
bool defines_a_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

template <typename Sink>
void put_request_head(Sink& out, const RequestHead& head, BodyFraming framing, ConnectionHeader connection) {
  put_method(out, head.method());
  out.put(" ");
  if (head.is_checked()) {
    out.put(head.path());
    if (head.has_query()) {
      out.put("?");
      out.put(head.query());
    }
    out.put(" HTTP/1.1\r\nHost: ");
    out.put(head.authority());
  } else {
    put_target_part(out, head.path(), '?');
    if (head.has_query()) {
      out.put("?");
      put_target_part(out, head.query(), '#');
    }
    out.put(" HTTP/1.1\r\nHost: ");
    put_authority(out, head.authority());
  }
  out.put("\r\n");
  put_fields(out, head.headers());
  if (framing.kind == BodyKind::kChunked) {
    out.put("Transfer-Encoding: chunked\r\n");
  } else if (framing.kind == BodyKind::kLength || defines_a_body(head.method())) {
    put_length(out, framing.length);
  }
  put_connection(out, connection);
  out.put("\r\n");
}

template <typename Sink>
void put_response_framing(Sink& out, std::uint16_t status, BodyFraming framing, std::int64_t kept_length) {
  switch (framing.kind) {
    case BodyKind::kChunked:
      return out.put("Transfer-Encoding: chunked\r\n");
    case BodyKind::kLength:
      return put_length(out, framing.length);
    case BodyKind::kUntilClose:
      return;
    case BodyKind::kNone:
      break;
  }
  // RFC 9110 8.6: never in 1xx and 204; in 304 only what the backend said of the unsent content.
  if (status < 200 || status == 204) return;
  if (kept_length >= 0) return put_length(out, static_cast<std::uint64_t>(kept_length));
  if (status != 304) put_length(out, 0);
}

template <typename Sink>
void put_response_head(Sink& out, const ResponseHead& head, BodyFraming framing, ConnectionHeader connection,
                       std::int64_t kept_length) {
  const std::uint16_t status = head.status() < 100 || head.status() > 599 ? 500 : head.status();
  const bool has_reason = !head.reason().empty() && is_field_text(head.reason());
  out.put("HTTP/1.1 ");
  const char digits[] = {static_cast<char>('0' + status / 100), static_cast<char>('0' + status / 10 % 10),
                         static_cast<char>('0' + status % 10), ' '};
  out.put({digits, sizeof digits});
  out.put(has_reason ? head.reason() : reason_phrase(status));
  out.put("\r\n");
  put_fields(out, head.headers());
  put_response_framing(out, status, framing, kept_length);
  put_connection(out, connection);
  out.put("\r\n");
}

// Calls `put` with a sink for at most `max_bytes`: one block where one is enough.
template <typename Put>
void write(Chain& out, BufferPool& pool, std::size_t max_bytes, Put put) {
  if (max_bytes > BufferPool::kLargeBytes) {
    ChainSink sink(out, pool);
    return put(sink);
  }
  Block* block = pool.take_block(max_bytes);
  BlockSink sink(block->data());
  put(sink);
  block->used = static_cast<std::uint32_t>(sink.end() - block->data());
  out.append(Slice(block, 0, block->used));
}

}  // namespace

void write_request_head(Chain& out, BufferPool& pool, const RequestHead& head, BodyFraming framing,
                        ConnectionHeader connection) {
  // Three bytes for each of the target's, should all need encoding.
  const std::size_t max_bytes = kFixedBytes + head.method().size() +
                                3 * (head.path().size() + head.query().size()) + head.authority().size() +
                                head.headers().max_bytes();
  write(out, pool, max_bytes, [&](auto& sink) { put_request_head(sink, head, framing, connection); });
}

void write_response_head(Chain& out, BufferPool& pool, const ResponseHead& head, BodyFraming framing,
                         ConnectionHeader connection, std::int64_t kept_length) {
  const std::size_t max_bytes = kFixedBytes + head.reason().size() + head.headers().max_bytes();
  write(out, pool, max_bytes,
        [&](auto& sink) { put_response_head(sink, head, framing, connection, kept_length); });
}

void write_chunk(Chain& out, BufferPool& pool, Chain&& piece) {
  if (piece.is_empty()) return;
  char line[kMaxDigits];
  const auto [end, error] = std::to_chars(line, line + sizeof(line) - 2, piece.size_bytes(), 16);
  std::memcpy(end, "\r\n", 2);
  out.append_copy({line, static_cast<std::size_t>(end + 2 - line)}, pool);
  out.append(std::move(piece));
  out.append_copy("\r\n", pool);
}

void write_last_chunk(Chain& out, BufferPool& pool, const Headers& trailers) {
  if (trailers.is_empty()) return out.append_copy("0\r\n\r\n", pool);
  write(out, pool, kFixedBytes + trailers.max_bytes(), [&](auto& sink) {
    sink.put("0\r\n");
    put_fields(sink, trailers);
    sink.put("\r\n");
  });
}

}  // namespace ingress::http
