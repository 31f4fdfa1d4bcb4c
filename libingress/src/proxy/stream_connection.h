// One connection that is passed on byte by byte: the handshake where the listener terminates TLS, the choice
// of a backend, the tries to connect to it, the bytes, the record of it.
//
// Owner: Streams. Thread: its worker's.
// Always true: nothing of what the client said is lost before a backend has it, and none of it is read before
// it can be passed on; the snapshot is pinned only until there is a backend: what runs goes on under what it
// began with, and keeps nothing else of a configuration.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/listener_state.h"
#include "proxy/services.h"
#include "proxy/stream_relay.h"
#include "proxy/stream_table.h"
#include "upstream/circuit_breaker.h"
#include "upstream/endpoint_state.h"

namespace ingress::proxy {

class StreamConnection;

class StreamHost {
 public:
  // The connection is through; it is freed after the current callback.
  virtual void on_stream_over(StreamConnection& connection) = 0;

 protected:
  ~StreamHost() = default;
};

class StreamConnection final : private net::TransportHandler, private StreamRelayOwner {
 public:
  // What it begins with.
  struct Client {
    net::TransportPtr stream;
    base::Chain read = {};              // for the backend
    bool is_started = false;            // `stream` is
    std::string server_name = {};       // in the ClientHello
    std::string_view protocol = "tcp";  // for the log; static
  };
  // `route`: of `table`.
  StreamConnection(Services& services, StreamHost& host, ListenerState& listener,
                   std::shared_ptr<const StreamTable> table, const CompiledStreamRoute& route, Client client);
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;
  ~StreamConnection();

  // Once.
  void start();
  // Its time is over.
  void drain();

  ListenerState& listener() { return listener_; }
  // Position in the owner's list.
  std::size_t list_index = 0;

 private:
  static constexpr std::size_t kMaxTries = 3;
  enum class Phase : std::uint8_t { kHandshake, kConnect, kRelay, kOver };

  // net::TransportHandler, of the client until there is a backend
  void on_ready() override;
  void on_read(base::Slice bytes) override { client_.read.append(std::move(bytes)); }
  void on_read_end() override {}  // not while it is paused
  void on_drained() override {}
  void on_broken(Error error) override;

  // StreamRelayOwner
  void on_relay_over(StreamEnd end, const char* detail) override;

  bool choose_cluster();
  void pick_endpoint();
  void open_connection();
  void on_connected(std::expected<net::TransportPtr, Error> transport);
  void begin_relay(net::TransportPtr backend);
  void note_outcome(upstream::TryOutcome outcome);
  void release_endpoint();
  void unpin();
  void refuse(StreamRefusal why, std::string_view detail);
  void finish(std::string_view why, std::string_view detail);
  void log(std::string_view why, std::string_view detail);

  Services& services_;
  StreamHost& host_;
  ListenerState& listener_;
  std::shared_ptr<const StreamTable> table_;  // until there is a backend, as the three below
  const CompiledStreamRoute* route_;
  WorkerView* view_ = nullptr;
  const upstream::ClusterEntry* cluster_ = nullptr;

  Client client_;  // without its stream once there is a relay
  net::PeerAddress peer_;
  std::int64_t started_us_;
  Phase phase_ = Phase::kHandshake;
  StreamPlace place_;
  upstream::Permit permit_;
  upstream::EndpointRef endpoint_;
  std::array<upstream::EndpointRef, kMaxTries> failed_;
  std::size_t num_failed_ = 0;
  std::int64_t try_started_us_ = 0;
  std::unique_ptr<upstream::Connector::Attempt> attempt_;
  std::optional<StreamRelay> relay_;
  std::string route_name_, cluster_name_, upstream_label_;
};

}  // namespace ingress::proxy
