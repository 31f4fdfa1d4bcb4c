// Connections of a worker whose first bytes say whom they are for: TLS, and which server is asked for (SNI).
//
// Owner: Streams. Thread: its worker's.
// Always true: no byte is taken from whom it is meant for; each wait ends (ListenerTimeouts::tls_handshake),
// and holds a place among the unfinished handshakes.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "net/loop.h"
#include "net/transport.h"
#include "proxy/stream_metrics.h"
#include "tls/client_hello.h"
#include "tls/handshake_limits.h"

namespace ingress::proxy {

struct ListenerState;

// A connection that has said enough.
struct Hello {
  net::TransportPtr stream;  // has been started
  base::Chain read;          // all that came
  bool is_tls;
  std::string server_name;              // lower case; empty when none was named
  std::chrono::milliseconds time_left;  // of the handshake
};

class PendingHellosOwner {
 public:
  // Takes the connection over, or drops it; its place is free again.
  virtual void on_hello(ListenerState& listener, Hello hello) = 0;
  // Deferred: a connection of `listener` has left, with a hello or without. Once for each.
  virtual void on_hello_settled(ListenerState& listener) = 0;

 protected:
  ~PendingHellosOwner() = default;
};

class PendingHellos {
 public:
  PendingHellos(net::EventLoop& loop, StreamCounters& counters, PendingHellosOwner& owner);
  PendingHellos(const PendingHellos&) = delete;
  PendingHellos& operator=(const PendingHellos&) = delete;
  ~PendingHellos();

  // `stream` was just accepted by `listener`, which lives for as long as it waits.
  void add(ListenerState& listener, net::TransportPtr stream, tls::HandshakeLimits::Place place);
  // Gives those of `listener`, or all for null, no more than `time` from now on.
  void hurry(const ListenerState* listener, std::chrono::milliseconds time);
  void drop_all();
  bool is_empty() const { return waits_.empty(); }

 private:
  class Wait;  // of one connection
  void settle(Wait& wait);

  net::EventLoop& loop_;
  StreamCounters& counters_;
  PendingHellosOwner& owner_;
  std::vector<std::unique_ptr<Wait>> waits_;
};

}  // namespace ingress::proxy
