// One request and its response on a client's connection, whatever the protocol below: what the exchange
// knows of the downstream side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "http/framing.h"
#include "ingress/listener.h"
#include "ingress/message.h"
#include "net/transport.h"
#include "policy/trusted_proxies.h"

namespace ingress::proxy {

// What is known when a head has been read. References last until finish().
struct RequestStart {
  RequestHead& head;
  http::BodyFraming framing;
  bool expects_continue;  // and sends a body; otherwise the backend must not see an Expect
  const net::PeerAddress& client;
  std::uint16_t listener_port;  // where the client connected
  const Listener& listener;
  // Null when the listener trusts nobody. Read during start() only: a change of configuration replaces it.
  const policy::TrustedProxies* trusted_proxies = nullptr;
  const net::SecureSession* secure = nullptr;       // null: came without TLS
  std::string_view raw_method = {}, raw_path = {};  // for the log when the head was refused
};

enum class Reading : std::uint8_t { kOn, kPaused };
enum class Finish : std::uint8_t {
  kComplete,  // the response was sent whole
  kCut,       // it was not, and must not look so
};

// Owner: the client's connection. Thread: its worker's. No call into the exchange happens inside these.
class DownstreamStream {
 public:
  // A 1xx head; dropped for clients that cannot take one.
  virtual void send_interim(const ResponseHead& head) = 0;
  // A 101 head with its Upgrade field, in place of send_head(): from then on the stream is a tunnel. What the
  // client sends comes as it is, through Exchange::on_tunnel_bytes() and on_tunnel_end(), what it has sent
  // since its request included; send_body() is raw and send_end() ends our direction.
  virtual void begin_tunnel(const ResponseHead& head) = 0;
  // The final head, without hop-by-hop fields. kChunked stands for "length unknown". `kept_length`: see
  // http::write_response_head().
  virtual void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) = 0;
  virtual void send_body(base::Chain&& piece) = 0;
  virtual void send_end(const Headers& trailers) = 0;
  // Hands what was sent to the socket, once per turn; returns how much waits for the client to read.
  virtual std::size_t flush() = 0;
  // Whether more of the request's body may come.
  virtual void set_reading(Reading reading) = 0;
  // Where the client connected to; asked of the kernel when first wanted.
  virtual const net::PeerAddress& local_address() const = 0;
  // Last call: the exchange is over.
  virtual void finish(Finish how) = 0;

 protected:
  ~DownstreamStream() = default;
};

}  // namespace ingress::proxy
