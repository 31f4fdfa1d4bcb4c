// HTTP/2 field lists of responses, and our request heads as field lists: the client's side of h2_head.h.
//
// For: H2Client. Thread: its worker's. No I/O.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "http/framing.h"
#include "http/h1_parser.h"
#include "http/h2_head.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

// What a HEADERS frame of a response said.
class H2ResponseReader {
 public:
  void begin(HeadLimits limits) { limits_ = limits; }
  // A field, in the order in which they come, ":status" included. Copied; false when there is too much.
  bool add(std::string_view name, std::string_view value);
  // All have come. `is_end`: nothing follows, no body. kLength where the head says how long the body is,
  // kChunked where it does not, kNone for responses without one (RFC 9110 6.4.1).
  std::expected<BodyFraming, Error> finish(bool is_end, bool is_head_request);
  // Makes ready for the next head of the same stream: it was an interim one.
  void clear();

  ResponseHead& head() { return head_; }
  // A field of the trailers; those that have no place there are left out (RFC 9110 6.5.1). False when there
  // are too many.
  bool add_trailer(std::string_view name, std::string_view value);
  const Headers& trailers() const { return trailers_; }

 private:
  HeadLimits limits_;
  ResponseHead head_;
  Headers trailers_;
};

// The fields of a request: pseudo fields first, cookies as they are. `digits` must last as long as `out`.
void list_request_fields(std::vector<H2Field>& out, H2Digits& digits, const RequestHead& head,
                         std::string_view scheme, BodyFraming framing);

}  // namespace ingress::http
