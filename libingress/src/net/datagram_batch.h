// Datagrams read from one socket and sent on through another, a system call for many.
//
// Owner: a worker, one for all its sockets. Thread: its. Datagrams stay where the kernel put them until the
// next receive(). Memory: kMax times 64 KiB, which the kernel gives when datagrams of that size come.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>

#include "net/transport.h"

namespace ingress::net {

// Where a datagram came from and to which of our addresses: what an answer needs to go back the same way,
// and what keeps two clients apart, byte by byte.
struct DatagramPath {
  std::array<std::uint8_t, 16> client{};  // IPv4 in the form of RFC 4291 2.5.5.2
  std::array<std::uint8_t, 16> local{};   // all 0 where the socket is bound to one address
  std::uint32_t interface = 0;            // of link-local addresses of IPv6
  std::uint16_t port = 0;                 // the client's
  std::uint16_t family = 0;               // of the socket
  friend bool operator==(const DatagramPath&, const DatagramPath&) = default;

  std::string_view bytes() const& { return {reinterpret_cast<const char*>(this), sizeof *this}; }
  PeerAddress peer() const;
  // The IPv4 address, or the network of 64 bits of an IPv6 one: who has one address of it has them all.
  std::uint64_t source() const;
};
static_assert(std::has_unique_object_representations_v<DatagramPath>);

// What became of datagrams that were to be sent.
struct DatagramsSent {
  std::uint64_t num = 0, num_bytes = 0;
  std::uint64_t num_blocked = 0;  // the kernel had no room for them
  std::uint64_t num_failed = 0;
  // An earlier one was refused (ICMP: port unreachable), which a connected socket is told at its next call.
  bool is_refused = false;
};

// One more, to the peer of a connected socket. Never waits.
DatagramsSent send_datagram(int socket, std::string_view bytes);

class DatagramBatch {
 public:
  static constexpr std::size_t kMax = 16;

  DatagramBatch();
  ~DatagramBatch();

  // How many came, kMax at most; 0 when none waits, -1 with errno: ECONNREFUSED of a connected socket.
  int receive(int socket);
  // Of the i-th.
  std::string_view bytes(std::size_t i) const&;
  DatagramPath path(std::size_t i) const;

  // Sends those from `first` on to the peer of a connected socket, or the way back of `path`. Never waits.
  DatagramsSent send(int socket, std::size_t first, std::size_t count);
  DatagramsSent reply(int socket, std::size_t first, std::size_t count, const DatagramPath& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ingress::net
