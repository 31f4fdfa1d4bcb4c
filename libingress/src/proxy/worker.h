// One thread, one event loop, its own connections and state: shares nothing with other workers but the const
// snapshots it is handed.
//
// Owner: Server. Thread: its own, from create() to the destructor, which stops and joins it.
// Caller: put_snapshot(), begin_announcing(), what drains, and the status functions from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "ingress/server.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "proxy/downstream_connection.h"
#include "proxy/h2_stream_pool.h"
#include "proxy/health_watch.h"
#include "proxy/listener_state.h"
#include "proxy/mailbox.h"
#include "proxy/pending_headers.h"
#include "proxy/services.h"
#include "proxy/streams.h"
#include "proxy/tls_acceptor.h"
#include "proxy/udp_listeners.h"
#include "upstream/preconnect.h"

namespace ingress::proxy {

struct WorkerOptions {
  unsigned index = 0;
  std::string zone;  // ServerOptions::zone
  std::function<FilterList()> make_filters;
  std::shared_ptr<AccessLog> access_log;
  std::function<void(std::string_view)> log;
  LocalBackends local_backends = LocalBackends::kRefused;
  net::ResolverOptions resolver;  // of the system's name servers, unless told otherwise
  unsigned num_workers = 1;       // of the server
  // The same for all workers.
  std::shared_ptr<upstream::BreakerRegistry> breakers;
  std::shared_ptr<HealthBoard> health;
  // Takes snapshots that the worker no longer uses; any thread, must not block.
  Views::Retire retire;
  // Told once after begin_drain(), when the last connection is closed; on the worker's thread.
  std::function<void()> on_drained;
};

// Of one endpoint in one worker.
struct EndpointLoad {
  std::uint32_t active_requests = 0;
  std::uint32_t idle_connections = 0;
};

class Worker final : public WorkerContext,
                     private DownstreamHost,
                     private PendingHeadersOwner,
                     private StreamsOwner {
 public:
  static std::expected<std::unique_ptr<Worker>, Error> create(WorkerOptions options);
  ~Worker() override;

  void put_snapshot(SnapshotPtr snapshot);
  // Answers say "Connection: close" from now on.
  void begin_announcing();
  // Stops accepting after what is queued; connections end with the exchange they are in, tunnels by
  // themselves.
  void begin_drain();
  // While draining, when their time is over: closes tunnels, also those that would begin later; or all the
  // rest.
  void drain_tunnels();
  void cut_exchanges();

  const WorkerMetrics& metrics() const { return metrics_; }
  // For their counters.
  const upstream::Connector& connector() const { return connector_; }
  const upstream::Preconnector& preconnector() const { return preconnector_; }
  const net::Resolver& resolver() const { return *resolver_; }
  Generation adopted() const { return views_.adopted(); }
  std::uint32_t num_views() const { return views_.num_alive(); }

  // On the worker's thread: the endpoints of the newest snapshot that have anything to do.
  void visit_loads(
      const std::function<void(const std::string& cluster, const Endpoint&, const EndpointLoad&)>& visit);

  // WorkerContext
  unsigned index() const override { return options_.index; }
  void post(std::move_only_function<void()> call) override { loop_->post(std::move(call)); }
  void after(std::chrono::milliseconds delay, std::move_only_function<void()> call) override;

 private:
  enum class Stage : std::uint8_t { kServing, kAnnouncing, kDraining };
  struct Delayed;

  Worker(WorkerOptions options, std::unique_ptr<net::EventLoop> loop,
         std::unique_ptr<net::Resolver> resolver);
  void run();
  void adopt_mail();
  void sync_listeners(const Snapshot& snapshot);
  void open_listener(const ListenerEntry& entry);
  void close_listener(ListenerState& listener);
  void forget_closed_listeners();
  void on_accept(ListenerState& listener, net::TransportPtr transport);
  void serve(ListenerState& listener, net::TransportPtr stream);
  void serve_http(ListenerState& listener, net::TransportPtr transport);
  void check_drained();
  void shut_down();

  // DownstreamHost
  Services& services() override { return services_; }
  std::unique_ptr<Exchange> take_exchange() override;
  void put_back_exchange(std::unique_ptr<Exchange> exchange) override;
  std::unique_ptr<H1Message> take_message() override;
  void put_back_message(std::unique_ptr<H1Message> message) override;
  H2StreamPool& h2_streams() override { return free_h2_streams_; }
  bool is_closing(const ListenerState& listener) const override;
  void begin_http2(DownstreamConnection& connection, net::TransportPtr transport, base::Chain read) override;
  void on_connection_closed(DownstreamConnection& connection) override;

  // PendingHeadersOwner
  void on_proxy_header(ListenerState& listener, net::TransportPtr transport) override {
    serve(listener, std::move(transport));
  }
  void on_headers_settled() override;

  // StreamsOwner
  void serve_https(ListenerState& listener, net::TransportPtr stream,
                   std::chrono::milliseconds left) override {
    serve_http(listener, tls_acceptor_.accept(listener, std::move(stream), left));
  }
  void on_streams_settled() override { on_headers_settled(); }

  static constexpr std::size_t kMaxFreeExchanges = 1024;
  // Few, since each keeps what the largest head that went through it took.
  static constexpr std::size_t kMaxFreeMessages = 64;

  WorkerOptions options_;
  std::unique_ptr<net::EventLoop> loop_;
  std::unique_ptr<net::Resolver> resolver_;
  WorkerMetrics metrics_;
  Mailbox mailbox_;
  Views views_;
  upstream::ClusterStates clusters_;
  upstream::Connector connector_;
  Mirrors mirrors_;
  std::optional<HealthWatch> health_watch_;  // while the loop runs
  upstream::Preconnector preconnector_;
  TlsAcceptor tls_acceptor_;
  PendingHeaders pending_headers_;
  FilterList filters_;
  Services services_;
  UdpListeners udp_;
  Streams streams_;
  Stage stage_ = Stage::kServing;
  std::vector<std::unique_ptr<ListenerState>> listeners_;
  std::vector<std::unique_ptr<DownstreamConnection>> connections_;
  std::vector<std::unique_ptr<Exchange>> free_exchanges_;
  std::vector<std::unique_ptr<H1Message>> free_messages_;
  H2StreamPool free_h2_streams_;
  std::vector<std::unique_ptr<Delayed>> delayed_;
  std::thread thread_;
};

}  // namespace ingress::proxy
