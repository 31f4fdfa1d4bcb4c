// HTTP/2 field lists and our heads: one field after the other in, one validated request head out; a response
// head to what goes on the wire.
//
// For: H2Server. Thread: its worker's. No I/O.
// nghttp2 takes fields apart and does not look at them: all of RFC 9113 8.1 to 8.3 and 8.5 that is about the
// fields of a request is asked here, but for what h2_field.h says of each by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h2_field.h"
#include "http/h2_field_lines.h"
#include "http/h2_priority.h"
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

  enum class Taken : std::uint8_t { kYes, kTooMuch, kMalformed };

  // For a new request; what there was of another is forgotten.
  void begin(HeadLimits limits);
  // A field, in the order in which they come, pseudo fields included. Copied; once there is too much of them
  // nothing is kept, and finish() says so. kTooMuch when it is four times too much: not worth reading on.
  // kMalformed, also without waiting for the end: by RFC 9113 8.1.1 the stream is to be reset.
  Taken add(const H2ReadField& field);
  // All have come. `is_end`: nothing follows, no body. Errors as RequestParser's, and what = "malformed".
  std::expected<BodyFraming, Error> finish(PathOptions paths, bool is_end);

  RequestHead& head() { return head_; }
  // Of an extended CONNECT (RFC 8441 4): the protocol that the stream is to speak. Otherwise empty.
  std::string_view protocol() const { return protocol_; }
  std::string_view raw_method() const { return method_; }
  std::string_view raw_path() const { return path_; }

  // What the client asked for (RFC 9218 4), if it did so in words that are to be understood.
  std::optional<H2Priority> priority() const { return priority_; }

  // A field of the trailers; those that have no place there are left out (RFC 9110 6.5.1).
  Taken add_trailer(const H2ReadField& field);
  const Headers& trailers() const { return trailers_; }

 private:
  static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
  Taken add_special(const H2ReadField& field);
  void take_pseudo(const H2ReadField& field);
  char* take_room(std::size_t bytes) {
    if (static_cast<std::size_t>(room_end_ - room_) < bytes) more_room(bytes);
    return std::exchange(room_, room_ + bytes);
  }
  void more_room(std::size_t bytes);
  void add_line(const H2ReadField& field);
  std::string_view make_line(std::string_view name, std::string_view value);
  bool has(H2Name name) const { return (seen_ & 1u << static_cast<unsigned>(name)) != 0; }
  bool has_what_it_needs() const;
  std::expected<std::string_view, Error> find_authority();
  std::expected<BodyFraming, Error> framing(bool is_end) const;

  HeadLimits limits_;
  RequestHead head_;
  Headers trailers_;
  H2FieldLines lines_;
  std::optional<H2Priority> priority_;
  std::string_view method_, scheme_, authority_, path_, protocol_;
  std::string cookie_;  // crumbs, joined (RFC 9113 8.2.3)
  std::size_t size_ = 0, num_fields_ = 0, trailer_bytes_ = 0;
  char* room_ = nullptr;  // for the next lines, taken of the head's storage
  char* room_end_ = nullptr;
  unsigned seen_ = 0;  // those that may be there once, by H2Name
  bool is_too_large_ = false;
  bool is_in_fields_ = false;  // behind the pseudo fields
};

// The fields of a response head behind ":status", names in lower case, all of it in `text` or static. Left
// out: fields of a connection, and what filters have made that is no field (as the HTTP/1.1 writer does).
// `framing`, `kept_length`: as of write_response_head().
void list_response_fields(std::vector<H2Field>& out, base::Arena& text, const ResponseHead& head,
                          BodyFraming framing, std::int64_t kept_length = -1);
// Of trailers.
void list_trailer_fields(std::vector<H2Field>& out, base::Arena& text, const Headers& trailers);

}  // namespace ingress::http
