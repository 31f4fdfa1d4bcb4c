// A byte stream in an event loop: what codecs and connections use instead of a socket.
//
// For: TCP, TLS over a Transport (tls/), fakes in tests (tests/support/fake_transport.h).
// Owner: the connection that uses it, through TransportPtr. Thread: its loop's.
// Caller: destroys a Transport only through TransportPtr; that closes it, and the memory goes after
// the current callback and libuv's close callback. No handler call comes after that or after close().
// Always true: no call into the handler happens inside a call of the owner's into the Transport
// (write, resume, …); what there is to say is said from the loop.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "ingress/error.h"

namespace ingress::net {

// Why reading is paused. Reading goes on when no reason is left.
enum class PauseReason : std::uint8_t {
  kPeerSlow = 1,  // what was read could not be passed on yet
  kBusy = 2,      // the message before is still being answered
  kDraining = 4,
};

class TransportHandler {
 public:
  // The stream can be written to; once at most, and only when it could not from the start
  // (Transport::is_ready()).
  virtual void on_ready() {}
  // Bytes arrived; any number of times. The slice shares the loop's read buffer: whoever keeps it
  // keeps the buffer. The callee may write, pause and close.
  virtual void on_read(base::Slice bytes) = 0;
  // The peer ended its direction; at most once; writing may go on.
  virtual void on_read_end() = 0;
  // Whether an end that was a reset is to be told as one (on_broken): who waits for nothing spares the
  // question.
  virtual bool minds_reset_at_end() const { return true; }
  // All queued bytes have been written; any number of times, only after write() had to queue.
  virtual void on_drained() = 0;
  // The stream broke (reset, I/O error); at most once, last. Queued bytes are lost.
  virtual void on_broken(Error error) = 0;

 protected:
  ~TransportHandler() = default;
};

struct PeerAddress {
  char text[46] = {};  // IPv4 or IPv6 without brackets, or "unix"
  std::uint16_t port = 0;
  std::string_view view() const& { return text; }
};

// A header field that tells backends about a client's certificate.
struct ClientField {
  std::string name, value;
  friend bool operator==(const ClientField&, const ClientField&) = default;
};

// What an encrypted stream knows from its handshake. Lives as long as the Transport that tells of it.
class SecureSession {
 public:
  // Whether requests for `host` (lower case) belong here: false when the client asked for a server by name
  // and was shown a certificate that does not prove `host` (RFC 9110 7.4), and when `host`, unless it is that
  // name, has another policy than this session. `policy` tells policies apart; empty: `host` has none.
  virtual bool may_serve(std::string_view host, std::string_view policy) const = 0;
  virtual std::string_view server_name() const = 0;  // in lower case; empty when the client named none
  virtual std::string_view protocol() const = 0;     // chosen by ALPN (RFC 7301); empty when none was
  // What backends are to be told about the client's certificate, as field text (RFC 9110 5.5).
  virtual std::span<const ClientField> client_fields() const { return {}; }

 protected:
  ~SecureSession() = default;
};

class Transport {
 public:
  // Sets the handler and starts reading. Once.
  virtual void start(TransportHandler* handler) = 0;
  // Changes who is told; for connections that wander between pool and exchange.
  virtual void set_handler(TransportHandler* handler) = 0;
  // Writes directly what the kernel takes and queues the rest. Errors come through on_broken.
  virtual void write(base::Chain&& bytes) = 0;
  virtual std::size_t queued_bytes() const = 0;
  // How much of what was written in all has left: the peer may have got that much.
  virtual std::uint64_t written_bytes() const = 0;
  virtual void pause(PauseReason reason) = 0;
  virtual void resume(PauseReason reason) = 0;
  // Ends our direction once the queue is written.
  virtual void shutdown_write() = 0;
  // Stops everything; queued bytes are lost. Idempotent. No handler call follows.
  virtual void close() = 0;
  // As close(), but the peer sees a reset: what it got so far must not look complete.
  virtual void reset() = 0;
  virtual const PeerAddress& peer() const = 0;
  virtual const PeerAddress& local() const = 0;
  // False while a handshake is under way: what is written then is lost.
  virtual bool is_ready() const { return true; }
  // Null for a plain stream, and until the handshake is done.
  virtual const SecureSession* secure() const { return nullptr; }

 protected:
  friend struct TransportDeleter;
  // Closes when still open and frees the object when nothing can call it any more.
  virtual void destroy() = 0;
  ~Transport() = default;
};

struct TransportDeleter {
  void operator()(Transport* transport) const { transport->destroy(); }
};
using TransportPtr = std::unique_ptr<Transport, TransportDeleter>;

}  // namespace ingress::net
