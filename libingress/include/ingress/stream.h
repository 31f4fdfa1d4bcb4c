// Byte streams of a Loop: TCP, with TLS in which both ends prove who they are, and unix sockets. What a
// daemon talks to its other processes by; never on the way of a request.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/certificate.h"
#include "ingress/error.h"
#include "ingress/export.h"
#include "ingress/loop.h"

namespace ingress {

// What is read and what ends it, from the loop. The callee may destroy the stream.
class StreamEvents {
 public:
  virtual void on_bytes(std::string_view bytes) = 0;  // the view ends with the call
  // All that was written has left; any number of times, only after a write() that had to be kept.
  virtual void on_drained() {}
  // The last event: the other end closed in order (a value), or why there is no stream any more.
  virtual void on_closed(std::expected<void, Error> how) = 0;

 protected:
  ~StreamEvents() = default;
};

// Owner: whoever got it. Thread: the loop's, of which it is destroyed before the loop. Destroying it closes
// it at once.
class INGRESS_EXPORT Stream {
 public:
  virtual ~Stream();
  virtual void start(StreamEvents& events) = 0;  // once; `events` outlives the stream
  virtual void write(std::string bytes) = 0;     // in order; what cannot leave at once is kept
  virtual std::size_t queued_bytes() const = 0;  // of what was written, what has not left yet
  virtual void pause() = 0;                      // no on_bytes() until resume()
  virtual void resume() = 0;
  virtual std::string peer() const = 0;  // "10.0.0.1:4711", "[::1]:4711" or "unix", for logs
};

// Mutual TLS 1.3: each end shows `chain` and takes the other when `ca_bundle` verifies it, as a server where
// it was connected to and as a client where it connected, and its certificate has one of `allowed_names` (DNS
// names, IP addresses and URIs, compared as a whole). All are needed.
struct StreamIdentity {
  std::string chain = {};  // PEM, each one's issuer behind it
  SecretText key = {};
  std::string ca_bundle = {};
  std::vector<std::string> allowed_names = {};
};

// Where to: "unix:PATH", or a host or address and a port.
struct StreamAddress {
  std::string host;  // "unix:/run/x.sock" has no port
  std::uint16_t port = 0;
  friend bool operator==(const StreamAddress&, const StreamAddress&) = default;
};

using OnStreamOpened = std::move_only_function<void(std::expected<std::unique_ptr<Stream>, Error>)>;

// Something under way or in force, until it is destroyed.
class INGRESS_EXPORT StreamHandle {
 public:
  virtual ~StreamHandle();
};

// Connects within `timeout`, handshake included; calls back once, from the loop, and may be destroyed there.
// `identity` null: none, for unix sockets only. Errors: kResolveFailed, kConnectFailed, kUpstreamTls,
// kTimeout, and kInvalidArgument. In TLS 1.3 a client is done before the other end has judged it: that it is
// refused comes as StreamEvents::on_closed() with kUpstreamTls.
[[nodiscard]] INGRESS_EXPORT std::unique_ptr<StreamHandle> open_stream(Loop& loop,
                                                                       const StreamAddress& address,
                                                                       const StreamIdentity* identity,
                                                                       std::chrono::milliseconds timeout,
                                                                       OnStreamOpened on_opened);
// Streams that come by `listening_fd`, a listening socket that it owns from now on; handshakes that fail or
// take longer than 10 s are told to `on_refused` and come to nothing, as do those beyond 64 under way. Both
// may destroy the handle. Fails with kInvalidArgument for `identity`, or a lack of it on TCP, and kIo.
[[nodiscard]] INGRESS_EXPORT std::expected<std::unique_ptr<StreamHandle>, Error> accept_streams(
    Loop& loop, int listening_fd, const StreamIdentity* identity,
    std::function<void(std::unique_ptr<Stream>)> on_stream, std::function<void(const Error&)> on_refused);
// A stream over a connected socket, which it owns from now on: one end of a socketpair.
[[nodiscard]] INGRESS_EXPORT std::expected<std::unique_ptr<Stream>, Error> adopt_stream(Loop& loop, int fd);

}  // namespace ingress
