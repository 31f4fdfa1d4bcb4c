// Connections of a worker that still owe the PROXY header which says who the client is.
//
// Owner: Worker. Thread: its.
// Always true: nothing that anybody but a configured sender says is looked at; what is no header is closed
// and nothing behind it is looked at; no byte behind a header is taken from whom it is meant for; each wait
// ends (ListenerTimeouts::proxy_header).
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "net/loop.h"
#include "net/transport.h"

namespace ingress::proxy {

struct ListenerState;

// Of one worker. Connections closed for want of a header, but for `accepted`.
struct ProxyHeaderCounters {
  base::Counter accepted;
  base::Counter strangers;  // peers that are no senders
  base::Counter invalid;
  base::Counter late;
  base::Counter left;  // the sender closed before its header was whole
};

class PendingHeadersOwner {
 public:
  // Takes the connection, whose peer() is the client now: it is started inside the call, or dropped.
  virtual void on_proxy_header(ListenerState& listener, net::TransportPtr transport) = 0;
  // Deferred: connections have left, with a header or without.
  virtual void on_headers_settled() = 0;

 protected:
  ~PendingHeadersOwner() = default;
};

class PendingHeaders {
 public:
  PendingHeaders(net::EventLoop& loop, ProxyHeaderCounters& counters, PendingHeadersOwner& owner);
  PendingHeaders(const PendingHeaders&) = delete;
  PendingHeaders& operator=(const PendingHeaders&) = delete;
  ~PendingHeaders();

  // `stream` was just accepted by `listener`, which has senders and lives for as long as the stream waits.
  void add(ListenerState& listener, net::TransportPtr stream);
  // Gives those of `listener`, or all for null, no more than `time` from now on.
  void hurry(const ListenerState* listener, std::chrono::milliseconds time);
  void drop_all();
  bool is_empty() const { return waits_.empty(); }
  bool has_any_of(const ListenerState& listener) const;

 private:
  class Wait;  // of one connection
  void settle(Wait& wait, base::Counter& counter);

  net::EventLoop& loop_;
  ProxyHeaderCounters& counters_;
  PendingHeadersOwner& owner_;
  std::vector<std::unique_ptr<Wait>> waits_;
};

}  // namespace ingress::proxy
