// A client's connection, whatever the protocol on it: what its worker knows of it, and what it needs of the
// worker.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/buffer.h"
#include "net/transport.h"
#include "proxy/exchange.h"
#include "proxy/h1_message.h"
#include "proxy/services.h"

namespace ingress::proxy {

struct ListenerState;
class H2StreamPool;

// Owner: its Worker. Thread: the worker's.
class DownstreamConnection {
 public:
  // A connection on which nothing has come yet when draining begins: its request may be on the way.
  static constexpr std::chrono::milliseconds kFirstRequestGrace{1'000};

  explicit DownstreamConnection(ListenerState& listener) : listener_(listener) {}
  DownstreamConnection(const DownstreamConnection&) = delete;
  DownstreamConnection& operator=(const DownstreamConnection&) = delete;
  virtual ~DownstreamConnection() = default;

  // Once.
  virtual void start() = 0;
  // Closes now when no request is under way, otherwise after the answers.
  virtual void drain() = 0;
  // Closes tunnels, also those that are still to begin: their time is over.
  virtual void drain_tunnel() = 0;
  // Ends what is under way, but for tunnels, and closes when there are none.
  virtual void cut_exchanges() = 0;
  // Closes whatever is under way.
  virtual void close_now() = 0;

  ListenerState& listener() { return listener_; }
  // Position in the owner's list.
  std::size_t list_index = 0;

 protected:
  ListenerState& listener_;
};

// What a connection needs of the worker that owns it.
class DownstreamHost {
 public:
  virtual Services& services() = 0;
  virtual std::unique_ptr<Exchange> take_exchange() = 0;
  virtual void put_back_exchange(std::unique_ptr<Exchange> exchange) = 0;
  virtual std::unique_ptr<H1Message> take_message() = 0;
  virtual H2StreamPool& h2_streams() = 0;
  virtual void put_back_message(std::unique_ptr<H1Message> message) = 0;  // after its reset()
  // Clients should not come back to their connection.
  virtual bool is_closing(const ListenerState& listener) const = 0;
  // The client speaks HTTP/2: another connection takes over the transport, which has been started, and what
  // has been read of it. `connection` is freed after the current callback.
  virtual void begin_http2(DownstreamConnection& connection, net::TransportPtr transport,
                           base::Chain read) = 0;
  // The connection is through; it is freed after the current callback.
  virtual void on_connection_closed(DownstreamConnection& connection) = 0;

 protected:
  ~DownstreamHost() = default;
};

}  // namespace ingress::proxy
