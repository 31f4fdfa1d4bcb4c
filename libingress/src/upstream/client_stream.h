// One request on a connection to a backend and its response, whatever the protocol: what exchanges, mirrors
// and health checks write to. What comes back are UpstreamEvents (upstream/upstream_stream.h).
//
// Owner: who has the ClientStreamPtr. With HTTP/1.1 it is the connection itself, with HTTP/2 one of its
// streams; dropping the pointer ends what is under way at once, so that the backend does not take it for
// complete, and frees the object after the current callback. Thread: its worker's.
// Caller: begin(), then send_*, and flush() once per turn; then give_back() (upstream/give_back.h).
// Always true: after the end or a failure no event of the message comes, and none from inside a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/buffer.h"
#include "http/framing.h"
#include "ingress/cluster.h"
#include "ingress/message.h"
#include "upstream/upstream_stream.h"

namespace ingress::upstream {

class H1ClientConn;

// Why a connection was opened: a request needs it, or one may soon.
enum class Opened : std::uint8_t { kForRequest, kAhead };

class ClientStream {
 public:
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;

  // Starts a request; `method` decides how its response is framed and is copied.
  virtual void begin(UpstreamEvents& events, std::string_view method, const ClusterLimits& limits) = 0;
  // Before send_head(), for a head with an Upgrade field: the protocols of it (http::offered_upgrade()),
  // which must last until the response head has come. Without this call a 101 is a bad response; a protocol
  // that has no upgrades leaves them out.
  virtual void offer_upgrade(std::string_view protocols) = 0;
  // `head` without hop-by-hop fields. Written with the body bytes that follow in the same flush().
  virtual void send_head(const RequestHead& head, http::BodyFraming framing) = 0;
  virtual void send_body(base::Chain&& piece) = 0;
  // Ends the request; trailers are sent with a chunked body only. Of a tunnel: ends our direction.
  virtual void send_end(const Headers& trailers) = 0;
  // Ends it so that the backend sees a reset; no event follows.
  virtual void reset() = 0;
  virtual void flush() = 0;
  // Of what was sent, what waits for the backend.
  virtual std::size_t queued_bytes() const = 0;
  virtual void pause_response() = 0;
  virtual void resume_response() = 0;
  // The connection served an exchange before this one, or waited for its first: a failure before the head may
  // be a race with the backend's idle time-out.
  virtual bool is_reused() const = 0;
  // Bytes of the request may have reached the backend.
  virtual bool has_written() const = 0;
  // The PROXY header that the connection began with: it serves only requests with the same one. Empty: none.
  virtual std::string_view proxy_header() const& = 0;
  // The connection itself, where it serves one request at a time; else null.
  virtual H1ClientConn* h1() { return nullptr; }

 protected:
  friend struct ClientStreamDeleter;
  ClientStream() = default;
  ~ClientStream() = default;
  virtual void destroy() = 0;
};

struct ClientStreamDeleter {
  void operator()(ClientStream* stream) const { stream->destroy(); }
};
using ClientStreamPtr = std::unique_ptr<ClientStream, ClientStreamDeleter>;

}  // namespace ingress::upstream
