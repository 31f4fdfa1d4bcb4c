// What a client's connection needs only while a message is under way; one that rests has none.
//
// Owner: a DownstreamH1 from the first byte of a request to the end of its answer, otherwise the worker's
// list of free ones: the next request finds its memory warm. Thread: the worker's.
#pragma once

#include "base/buffer.h"
#include "http/body_decoder.h"
#include "http/h1_parser.h"
#include "proxy/body_clock.h"

namespace ingress::proxy {

struct H1Message {
  http::RequestParser parser{http::HeadLimits()};
  http::BodyDecoder decoder;
  base::Chain out;    // of this turn
  base::Chain piece;  // of a body; empty between calls, kept for its memory
  BodyClock body_clock;

  // Ready for the next message; memory is kept.
  void reset() {
    parser.reset();
    out.clear();
    piece.clear();
    body_clock = {};
  }
};

}  // namespace ingress::proxy
