// HTTP/2 field lists of responses, and our request heads as field lists: the client's side of h2_head.h.
//
// For: H2Client. Thread: its worker's. No I/O.
// Behind nghttp2, which has refused what is malformed by RFC 9113 8.1 to 8.3: names that are not lower case
// tokens, values that are no field text, pseudo fields that are unknown, doubled, missing or out of place,
// fields of a connection, lengths that do not agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h2_field_lines.h"
#include "http/h2_written_field.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

// What a HEADERS frame of a response said.
class H2ResponseReader {
 public:
  void begin(HeadLimits limits) { limits_ = limits; }
  // A field, in the order in which they come, ":status" included. Copied; false when there is too much:
  // finish() says of what.
  bool add(std::string_view name, std::string_view value);
  // All have come. `is_end`: nothing follows, no body. kLength where the head says how long the body is,
  // kChunked where it does not, kNone for responses without one (RFC 9110 6.4.1). Errors are kBadResponse
  // with what = "bad_status", "bad_content_length", "head_too_large" or "too_many_headers".
  std::expected<BodyFraming, Error> finish(bool is_end, bool is_head_request);
  // Makes ready for the next head of the same stream: it was an interim one.
  void clear();

  ResponseHead& head() { return head_; }
  // A field of the trailers; those that have no place there are left out (RFC 9110 6.5.1). False when there
  // are too many.
  bool add_trailer(std::string_view name, std::string_view value);
  const Headers& trailers() const { return trailers_; }

 private:
  static constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
  // Counted for each field beside its bytes, as RFC 9113 6.5.2 does.
  static constexpr std::size_t kFieldExtra = 32;

  HeadLimits limits_;
  ResponseHead head_;
  Headers trailers_;
  H2FieldLines lines_;
  std::size_t size_ = 0, num_fields_ = 0, trailer_bytes_ = 0;
  const char* too_much_ = nullptr;  // the word for it
};

// What a request's pseudo fields may need beyond its head; kept for its capacity.
struct H2RequestText {
  std::string method, authority, target;
  char length[24];
};
// The fields of a request: pseudo fields first, cookies as they are. Of `te` only "trailers" is left, and
// none of the fields of a connection; what filters have made that is no field, method, authority or target
// becomes what the HTTP/1.1 writer makes of it. `text` must last as long as `out`.
void list_request_fields(std::vector<H2Field>& out, H2RequestText& text, const RequestHead& head,
                         std::string_view scheme, BodyFraming framing);
void list_request_trailers(std::vector<H2Field>& out, const Headers& trailers);

}  // namespace ingress::http
