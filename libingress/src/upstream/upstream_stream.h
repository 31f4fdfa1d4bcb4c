// One exchange on a connection to a backend, whatever the protocol below.
#pragma once

#include "base/buffer.h"
#include "http/framing.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::upstream {

// What a backend says. Calls come from the loop, never from inside a call of the exchange into the
// stream. Heads and trailers are views of the stream: valid until the stream is given up.
//
// A final head with status 101 makes the stream a tunnel (only where an upgrade was offered): body events are
// its raw bytes from then on, the end is that of the backend's direction, and ours stays open.
class UpstreamEvents {
 public:
  // An interim response (100 to 199 without 101); any number up to ClusterLimits::max_interim_responses.
  virtual void on_response_interim(ResponseHead& head) = 0;
  // The final head; at most once.
  virtual void on_response_head(ResponseHead& head, http::BodyFraming framing) = 0;
  virtual void on_response_body(base::Chain&& piece) = 0;
  // The message is complete; only on_response_read_done() follows. Of a tunnel also the last two.
  virtual void on_response_end(const Headers& trailers) = 0;
  // Once after each read that brought any of the above and did not fail.
  virtual void on_response_read_done() = 0;
  // Everything queued has been written, after queued_bytes() was above 0.
  virtual void on_upstream_drained() = 0;
  // The message cannot be completed; last. Error::retry tells whether it may be sent again elsewhere.
  virtual void on_upstream_failed(Error error) = 0;

 protected:
  ~UpstreamEvents() = default;
};

}  // namespace ingress::upstream
