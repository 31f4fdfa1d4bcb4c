// What a client's connection needs only while a message is under way; one that rests has none.
//
// Owner: a DownstreamH1 from the first byte of a request to the end of its answer, otherwise the worker's
// list of free ones: the next request finds its memory warm. Thread: the worker's.
#pragma once

#include <chrono>

#include "base/buffer.h"
#include "http/body_decoder.h"
#include "http/h1_parser.h"

namespace ingress::proxy {

struct H1Message {
  http::RequestParser parser{http::HeadLimits()};
  http::BodyDecoder decoder;
  base::Chain out;    // of this turn
  base::Chain piece;  // of a body; empty between calls, kept for its memory
  // Of this body: how long we have waited for the client since its first byte, and since when we do.
  std::chrono::milliseconds body_wait{0}, body_wait_since{0};
  bool has_body_begun = false;    // as of the last time that we began to wait for more
  bool is_body_rate_due = false;  // when the read timer fires, it is for the rate of the body

  // Ready for the next message; memory is kept.
  void reset() {
    parser.reset();
    out.clear();
    piece.clear();
    body_wait = body_wait_since = std::chrono::milliseconds(0);
    has_body_begun = is_body_rate_due = false;
  }
};

}  // namespace ingress::proxy
