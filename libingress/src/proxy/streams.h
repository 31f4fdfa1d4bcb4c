// Layer 4 of a worker: what becomes of connections to listeners that have stream routes.
//
// Owner: Worker. Thread: its.
// Always true: a connection that no route takes is served as if there were none, its bytes untouched, or
// closed where that would not be HTTPS; changes of routes touch no connection that has found its own.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "proxy/pending_hellos.h"
#include "proxy/services.h"
#include "proxy/stream_connection.h"
#include "proxy/tls_acceptor.h"

namespace ingress::proxy {

class StreamsOwner {
 public:
  // Takes over a connection that is to be served as HTTPS: `left` is what its handshake may still take.
  virtual void serve_https(ListenerState& listener, net::TransportPtr stream,
                           std::chrono::milliseconds left) = 0;
  // Deferred: connections have ended.
  virtual void on_streams_settled() = 0;

 protected:
  ~StreamsOwner() = default;
};

class Streams final : private StreamHost, private PendingHellosOwner {
 public:
  Streams(Services& services, TlsAcceptor& tls, StreamsOwner& owner);
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;
  ~Streams() = default;

  // `stream` was just accepted by `listener`, which has stream routes and lives as long as it has connections
  // (ListenerState::num_connections).
  void add(ListenerState& listener, net::TransportPtr stream);
  // Gives those of `listener`, or all for null, that have not said yet whom they are for no more than `time`.
  void hurry(const ListenerState* listener, std::chrono::milliseconds time) { hellos_.hurry(listener, time); }
  // Closes all that have not.
  void drop_hellos() { hellos_.drop_all(); }
  // Closes all others, also those that would begin later.
  void drain();
  bool is_empty() const { return connections_.empty() && hellos_.is_empty(); }

 private:
  // PendingHellosOwner
  void on_hello(ListenerState& listener, Hello hello) override;
  void on_hello_settled(ListenerState& listener) override;
  // StreamHost
  void on_stream_over(StreamConnection& connection) override;

  void pass_to_https(ListenerState& listener, Hello hello);
  void turn_away(Hello hello);
  void terminate(ListenerState& listener, const CompiledStreamRoute& route, Hello hello);
  void begin(ListenerState& listener, const CompiledStreamRoute& route, StreamConnection::Client client);

  Services& services_;
  TlsAcceptor& tls_;
  StreamsOwner& owner_;
  PendingHellos hellos_;
  std::vector<std::unique_ptr<StreamConnection>> connections_;
  bool is_drained_ = false;
};

}  // namespace ingress::proxy
