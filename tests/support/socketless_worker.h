// All that a worker lends to exchanges and clients' connections, without a single socket: the loop is real,
// calls of filters are kept until the test runs them, time goes by when the test says so.
#pragma once

#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/downstream_h1.h"
#include "proxy/downstream_h2.h"
#include "proxy/h2_stream_pool.h"
#include "proxy/listener_state.h"
#include "proxy/publisher.h"
#include "support/fake_transport.h"

namespace ingress::test {

class SocketlessWorker : public WorkerContext, public proxy::DownstreamHost {
 public:
  using MakeConnector = std::function<std::unique_ptr<upstream::Connector>(net::EventLoop&)>;

  // `config` has one listener.
  SocketlessWorker(const GatewayConfig& config, const MakeConnector& make_connector) {
    auto made = net::EventLoop::create();
    if (!made) std::abort();
    loop = std::move(*made);
    loop->timers().set_clock(
        [](const void* self) {
          const auto* worker = static_cast<const SocketlessWorker*>(self);
          return worker->loop->now() + worker->passed;
        },
        this);
    connector = make_connector(*loop);
    mirrors.emplace(*loop, clusters, *connector, metrics.mirrors_by_end);
    services_.emplace(proxy::Services{.worker_index = 0,
                                      .loop = *loop,
                                      .views = views,
                                      .clusters = clusters,
                                      .connector = *connector,
                                      .mirrors = *mirrors,
                                      .filters = filters,
                                      .context = *this,
                                      .metrics = metrics,
                                      .access_log = nullptr});
    const auto snapshot = publisher.publish(config);
    if (!snapshot) std::abort();
    clusters.adopt(*(*snapshot)->clusters);
    views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
    listener.settings = config.listeners[0];
    listener.bound = (*snapshot)->listeners[0].bound;
  }
  ~SocketlessWorker() override {
    calls.clear();
    free_exchanges.clear();
    mirrors->drop_all();
    clusters.adopt(upstream::ClusterTable());
    filters.clear();
    turn();
  }

  // `log` must outlive this.
  void set_log(AccessLog& log) { services_->access_log = &log; }
  // A connection in the pool of the one endpoint.
  std::shared_ptr<FakePeer> add_idle_backend() {
    const proxy::Snapshot& snapshot = views.newest()->snapshot();
    std::shared_ptr<FakePeer> peer = FakePeer::make(&loop->buffers());
    snapshot.clusters->entries().for_each([&](std::size_t, const upstream::ClusterEntry& entry) {
      clusters.pick(entry, {})->idle.put_back(upstream::ClientConnPtr(new upstream::H1ClientConn(
                                                  *loop, peer->take_transport(), entry.cluster.limits)),
                                              {}, {});
    });
    return peer;
  }
  std::size_t num_idle() {
    std::size_t count = 0;
    views.newest()->snapshot().clusters->entries().for_each(
        [&](std::size_t, const upstream::ClusterEntry& entry) {
          count += clusters.pick(entry, {})->idle.size();
        });
    return count;
  }
  // Before whatever their log lines go to.
  void close_http2() {
    for (const auto& connection : http2) connection->close_now();
    turn();
    http2.clear();
  }
  // Runs what is deferred and what sockets have to say.
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  // As if so much time had gone by.
  void pass(std::chrono::milliseconds time) {
    loop->post([this, time] {
      passed += time;
      loop->timers().advance(loop->now() + passed);
    });
    turn();
  }

  unsigned index() const override { return 0; }
  void post(std::move_only_function<void()> call) override { calls.push_back(std::move(call)); }
  void after(std::chrono::milliseconds, std::move_only_function<void()> call) override {
    calls.push_back(std::move(call));
  }
  void run_calls() {
    while (!calls.empty()) {
      auto call = std::move(calls.front());
      calls.pop_front();
      call();
    }
  }

  proxy::Services& services() override { return *services_; }
  std::unique_ptr<proxy::Exchange> take_exchange() override {
    if (free_exchanges.empty()) return std::make_unique<proxy::Exchange>(*services_);
    auto exchange = std::move(free_exchanges.back());
    free_exchanges.pop_back();
    return exchange;
  }
  void put_back_exchange(std::unique_ptr<proxy::Exchange> exchange) override {
    free_exchanges.push_back(std::move(exchange));
  }
  std::unique_ptr<proxy::H1Message> take_message() override {
    if (free_messages.empty()) return std::make_unique<proxy::H1Message>();
    auto message = std::move(free_messages.back());
    free_messages.pop_back();
    return message;
  }
  void put_back_message(std::unique_ptr<proxy::H1Message> message) override {
    free_messages.push_back(std::move(message));
  }
  proxy::H2StreamPool& h2_streams() override { return free_h2_streams; }
  bool is_closing(const proxy::ListenerState&) const override { return is_draining; }
  void begin_http2(proxy::DownstreamConnection& connection, net::TransportPtr transport,
                   base::Chain read) override {
    http2.push_back(std::make_unique<proxy::DownstreamH2>(*this, connection.listener(), std::move(transport),
                                                          std::move(read)));
    http2.back()->start();
  }
  void on_connection_closed(proxy::DownstreamConnection&) override { ++num_closed; }

  std::unique_ptr<net::EventLoop> loop;
  proxy::Publisher publisher{
      [](const Listener&) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> {
        return std::make_shared<proxy::BoundListener>(std::vector<int>{}, std::uint16_t{80});
      }};
  proxy::Views views{[](std::unique_ptr<proxy::SnapshotPtr>) {}};
  upstream::ClusterStates clusters{{.seed = 1}};
  std::unique_ptr<upstream::Connector> connector;
  FilterList filters;
  proxy::WorkerMetrics metrics;
  proxy::ListenerState listener;
  std::optional<proxy::Mirrors> mirrors;
  std::deque<std::move_only_function<void()>> calls;
  std::vector<std::unique_ptr<proxy::Exchange>> free_exchanges;
  std::vector<std::unique_ptr<proxy::H1Message>> free_messages;
  proxy::H2StreamPool free_h2_streams;
  std::chrono::milliseconds passed{0};
  int num_closed = 0;
  std::vector<std::unique_ptr<proxy::DownstreamH2>> http2;  // connections that turned out to speak it
  bool is_draining = false;

 private:
  std::optional<proxy::Services> services_;
};

}  // namespace ingress::test
