// TCP and unix sockets as Transports: listening, accepting, connecting.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/counter.h"
#include "ingress/error.h"
#include "net/loop.h"
#include "net/transport.h"

namespace ingress::net {

// Bound and listening sockets that share one address through SO_REUSEPORT, close-on-exec, NODELAY set
// so that accepted sockets inherit it. `address` is IPv4, IPv6 without brackets or "unix:/path" (one
// socket then; a stale socket file is removed, a live one is an error). Port 0 picks one port for all.
// An address somebody listens on already is an error ("address in use"), although SO_REUSEPORT would let
// us share it. "::" serves IPv4 too where the system says so (net.ipv6.bindv6only); the clients' addresses
// are IPv4 then. A socket file gets the mode that the umask leaves, and stays when the socket is closed.
struct BoundSockets {
  std::vector<int> fds;  // the caller's to close
  std::uint16_t port = 0;
};
std::expected<BoundSockets, Error> bind_listening(const std::string& address, std::uint16_t port,
                                                  unsigned count);

// Accepts on one listening socket of one loop.
// Owner: worker. Thread: its loop's. At EMFILE it gives up a reserve descriptor to refuse the waiting
// client, and tries again after a short pause: no spinning.
class Acceptor {
 public:
  using OnAccept = std::move_only_function<void(TransportPtr)>;
  // Takes over `fd`, listening and non-blocking (closes it at the end, also on failure). on_accept comes
  // any number of times, may destroy the Acceptor and gets a Transport that is not started yet.
  // `refused`, when given, counts clients that were turned away for lack of descriptors; outlives it.
  static std::expected<std::unique_ptr<Acceptor>, Error> create(EventLoop& loop, int fd, OnAccept on_accept,
                                                                base::Counter* refused = nullptr);
  virtual ~Acceptor() = default;
  // Accepts what is queued in the kernel, from inside this call (when called in on_accept: right after
  // it), then closes the socket. A handshake under way at that moment is reset. Idempotent.
  virtual void stop() = 0;
};

// One connection attempt. Destroying it abandons the attempt.
// Thread: the loop's. The callback comes once, from the loop, never from inside connect(); it may destroy
// the attempt.
class ConnectAttempt {
 public:
  virtual ~ConnectAttempt() = default;
};
using OnConnect = std::move_only_function<void(std::expected<TransportPtr, Error>)>;
// `address` must be an IP address. The Transport has NODELAY set and is not started yet. Errors:
// kConnectFailed with what = "refused", "timeout", "unreachable", …; retry is safe.
std::unique_ptr<ConnectAttempt> connect(EventLoop& loop, const std::string& address, std::uint16_t port,
                                        std::chrono::milliseconds timeout, OnConnect on_connect);

}  // namespace ingress::net
