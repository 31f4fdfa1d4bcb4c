// UDP sockets: bound ones that share an address, connected ones, and their place on a loop.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>

#include "ingress/error.h"
#include "net/loop.h"
#include "net/tcp.h"

namespace ingress::net {

// As bind_listening(), for datagrams; no unix sockets. The kernel hands all that comes from one address and
// port to the same one of the sockets (SO_REUSEPORT) for as long as none of them is closed. Those of an
// unspecified address tell which address a datagram was sent to.
std::expected<BoundSockets, Error> bind_datagrams(const std::string& address, std::uint16_t port,
                                                  unsigned count);

// A socket that takes datagrams of `address` only, which must be an IP address; non-blocking. Errors: as of
// connect() in net/tcp.h.
std::expected<int, Error> connect_datagrams(const std::string& address, std::uint16_t port);

// A datagram socket on a loop, that tells when there is something to read (or an error of the peer's).
// Owner: who made it, through DatagramSocketPtr; closed with it, also from inside on_readable. Thread: its
// loop's.
class DatagramSocket {
 public:
  // Comes as long as there is something to read; any number of times.
  using OnReadable = void (*)(void* owner);
  struct Close {
    void operator()(DatagramSocket* socket) const { socket->close(); }
  };
  using Ptr = std::unique_ptr<DatagramSocket, Close>;

  // Takes over `fd`, which it closes on failure too.
  static std::expected<Ptr, Error> adopt(EventLoop& loop, int fd, OnReadable on_readable, void* owner);
  int fd() const { return fd_; }

 private:
  struct Poll;
  DatagramSocket(int fd, OnReadable on_readable, void* owner);
  ~DatagramSocket();
  void start();
  void close();

  int fd_;
  OnReadable on_readable_;
  void* owner_;
  std::unique_ptr<Poll> poll_;
};
using DatagramSocketPtr = DatagramSocket::Ptr;

}  // namespace ingress::net
