// HTTP/2 field lists and our heads: one field after the other in, one validated request head out; a response
// head to what goes on the wire.
//
// For: H2ServerSession. Thread: its worker's. No I/O.
// Behind nghttp2, which has refused what is malformed by RFC 9113 8.1 to 8.3 and 8.5: names that are not
// lower case tokens, values that are no field text, pseudo fields that are unknown, doubled, missing or out
// of place, fields of a connection, lengths that do not agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h2_written_field.h"
#include "http/uri.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

// What a HEADERS frame of a request said.
class H2RequestReader {
 public:
  // Counted as RFC 9113 6.5.2 does: 32 bytes more for each field.
  static constexpr std::size_t kFieldExtra = 32;

  void begin(HeadLimits limits) { limits_ = limits; }
  // A field, in the order in which they come, pseudo fields included. Copied; once there is too much of them
  // nothing is kept, and finish() says so. False when it is four times too much: not worth reading on.
  bool add(std::string_view name, std::string_view value);
  // All have come. `is_end`: nothing follows, no body. Errors as RequestParser's, and what = "malformed" for
  // requests that RFC 9113 8.1.1 has us treat so: their streams are to be reset.
  std::expected<BodyFraming, Error> finish(PathOptions paths, bool is_end);

  RequestHead& head() { return head_; }
  // Of an extended CONNECT (RFC 8441 4): the protocol that the stream is to speak. Otherwise empty.
  std::string_view protocol() const { return protocol_; }
  std::string_view raw_method() const { return method_; }
  std::string_view raw_path() const { return path_; }

  // A field of the trailers; those that have no place there are left out (RFC 9110 6.5.1). False when there
  // are too many.
  bool add_trailer(std::string_view name, std::string_view value);
  const Headers& trailers() const { return trailers_; }

 private:
  static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
  void take_pseudo(std::string_view name, std::string_view value);
  void add_line(std::string_view name, std::string_view value);
  std::expected<std::string_view, Error> find_authority();
  std::expected<BodyFraming, Error> framing(bool is_end) const;

  HeadLimits limits_;
  RequestHead head_;
  Headers trailers_;
  std::string_view method_, scheme_, authority_, path_, protocol_;
  std::string cookie_;  // crumbs, joined (RFC 9113 8.2.3)
  std::size_t size_ = 0, num_fields_ = 0, trailer_bytes_ = 0;
  const char* line_end_ = nullptr;  // of the last line, where the next may stand right behind
  Headers::IdSet ids_ = 0, repeated_ = 0;
  std::size_t line_bytes_ = 0;
  bool is_too_large_ = false;
};

// The fields of a response head behind ":status"; `digits` holds its numbers and must last as long as `out`.
// Left out: fields of a connection, and what filters have made that is no field (as the HTTP/1.1 writer
// does). `framing`, `kept_length`: as of write_response_head().
struct H2Digits {
  char status[4];
  char length[24];
};
void list_response_fields(std::vector<H2Field>& out, H2Digits& digits, const ResponseHead& head,
                          BodyFraming framing, std::int64_t kept_length = -1);
// Of trailers.
void list_trailer_fields(std::vector<H2Field>& out, const Headers& trailers);

}  // namespace ingress::http
