#include "ingress/server.h"

#include <csignal>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "net/datagrams.h"
#include "net/tcp.h"
#include "proxy/cluster_reading.h"
#include "proxy/metrics_reading.h"
#include "proxy/publisher.h"
#include "proxy/retired_snapshots.h"
#include "proxy/worker.h"

namespace ingress {

namespace {

constexpr unsigned kMaxWorkers = 1024;
constexpr int kMaxBindAttempts = 1000;  // a millisecond apart

Error invalid(const char* what, std::string detail) {
  return {ErrorCode::kInvalidArgument, ErrorSide::kSelf, RetrySafety::kNotSafe, what, std::move(detail)};
}

}  // namespace

std::expected<OpenedSockets, Error> open_sockets(const SocketRequest& request) {
  const auto bind = request.protocol == ListenerProtocol::kUdp ? net::bind_datagrams : net::bind_listening;
  auto bound = bind(request.address, request.port, request.count);
  if (!bound) return std::unexpected(std::move(bound.error()));
  return OpenedSockets{.fds = std::move(bound->fds), .port = bound->port};
}

// Locks: `writer` before `workers_lock`; neither is taken by a worker.
struct Server::Impl {
  enum class Life : std::uint8_t { kServing, kAnnouncing, kDraining, kStopped };

  explicit Impl(ServerOptions options_in)
      : options(std::move(options_in)),
        publisher([this](const Listener& listener) { return bind(listener); },
                  [this](const UdpListener& listener) { return bind_udp(listener); }) {
    for (ListeningSockets& sockets : options.sockets) {
      given.push_back({std::move(sockets.listener),
                       std::make_shared<proxy::BoundListener>(std::move(sockets.fds), std::uint16_t{0})});
    }
  }
  ~Impl() { workers.clear(); }

  std::expected<void, Error> start();
  std::expected<std::shared_ptr<proxy::BoundListener>, Error> bind(const Listener& listener);
  std::expected<std::shared_ptr<proxy::BoundListener>, Error> bind_udp(const UdpListener& listener);
  std::expected<std::shared_ptr<proxy::BoundListener>, Error> bind_patiently(SocketRequest request);
  void give_up_unused();
  void give_up_all();
  bool has_worker_behind() const;
  std::expected<Generation, std::vector<Problem>> hand_out(
      std::expected<proxy::SnapshotPtr, std::vector<Problem>> result);
  void begin_stop();
  void begin_drain();
  void on_worker_drained();
  void finish_stop();
  // Runs `member` on the loop's thread, unless the Server is gone by then.
  void post(void (Impl::*member)());

  // Sockets of somebody else's. They stay here until a configuration that uses them is accepted: one that is
  // refused must not lose them.
  struct GivenSockets {
    std::string listener;
    std::shared_ptr<proxy::BoundListener> sockets;
  };

  ServerOptions options;
  std::vector<GivenSockets> given;  // under `writer`
  std::unique_ptr<Loop> own_loop;
  Loop* loop = nullptr;
  std::shared_ptr<proxy::RetiredSnapshots> retired;  // once there is a loop
  std::shared_ptr<const bool> alive = std::make_shared<const bool>(true);

  std::shared_ptr<upstream::BreakerRegistry> breakers = std::make_shared<upstream::BreakerRegistry>();
  std::shared_ptr<proxy::HealthBoard> health = std::make_shared<proxy::HealthBoard>();

  mutable std::mutex writer;
  proxy::Publisher publisher;
  std::atomic<Generation> published{0};
  std::map<std::string, std::weak_ptr<proxy::BoundListener>>
      last_bound;  // by protocol, address and port; `writer`
  // Of options.open_sockets, and not given up; under `writer`.
  std::vector<std::pair<SocketRequest, std::weak_ptr<proxy::BoundListener>>> opened;

  mutable std::mutex workers_lock;
  std::vector<std::unique_ptr<proxy::Worker>> workers;

  // Loop's thread only.
  std::atomic<Life> life{Life::kServing};
  bool is_running = false;
  unsigned num_drained = 0;
  Loop::Registration stop_timer, first_timer, sigterm, sigint;
};

std::expected<void, Error> Server::Impl::start() {
  if (options.workers == 0 || options.workers > kMaxWorkers) {
    return std::unexpected(invalid("workers must be 1 to 1024", std::to_string(options.workers)));
  }
  loop = options.loop;
  if (loop == nullptr) {
    auto made = Loop::create();
    if (!made) return std::unexpected(std::move(made.error()));
    own_loop = std::move(*made);
    loop = own_loop.get();
  }
  retired = std::make_shared<proxy::RetiredSnapshots>(loop);
  for (unsigned index = 0; index < options.workers; ++index) {
    auto worker = proxy::Worker::create({
        .index = index,
        .zone = options.zone,
        .make_filters = options.make_filters,
        .access_log = options.access_log,
        .log = options.log,
        .local_backends = options.local_backends,
        .num_workers = options.workers,
        .breakers = breakers,
        .health = health,
        .retire = [to = retired](std::unique_ptr<proxy::SnapshotPtr> gone) { to->push(std::move(gone)); },
        .on_drained = [this] { post(&Impl::on_worker_drained); },
    });
    if (!worker) return std::unexpected(std::move(worker.error()));
    workers.push_back(std::move(*worker));
  }
  return {};
}

void Server::Impl::post(void (Impl::*member)()) {
  loop->post([this, member, guard = std::weak_ptr(alive)] {
    if (!guard.expired()) (this->*member)();
  });
}

std::expected<std::shared_ptr<proxy::BoundListener>, Error> Server::Impl::bind(const Listener& listener) {
  const auto found = std::ranges::find(given, listener.name, &GivenSockets::listener);
  if (found != given.end()) {
    found->sockets->port = listener.port;
    return found->sockets;
  }
  return bind_patiently({.protocol = ListenerProtocol::kTcp,
                         .address = listener.address,
                         .port = listener.port,
                         .listener = listener.name,
                         .count = options.workers});
}

std::expected<std::shared_ptr<proxy::BoundListener>, Error> Server::Impl::bind_udp(
    const UdpListener& listener) {
  return bind_patiently({.protocol = ListenerProtocol::kUdp,
                         .address = listener.address,
                         .port = listener.port,
                         .listener = listener.name,
                         .count = options.workers});
}

std::expected<std::shared_ptr<proxy::BoundListener>, Error> Server::Impl::bind_patiently(
    SocketRequest request) {
  // The address may be one that a configuration before gave up: workers close their sockets when they adopt
  // the next one, sockets that no worker took go with the last snapshot. Asked before the first try, so that
  // both can be over by then.
  retired->free_all();
  const char* protocol = request.protocol == ListenerProtocol::kUdp ? "udp " : "tcp ";
  std::weak_ptr<proxy::BoundListener>& last =
      last_bound[protocol + request.address + ' ' + std::to_string(request.port)];
  if (request.port != 0 || request.address.starts_with("unix:")) request.listener.clear();
  const bool is_closing = has_worker_behind() || !last.expired();
  const auto open = [&] {
    return options.open_sockets ? options.open_sockets(request) : open_sockets(request);
  };
  auto sockets = open();
  for (int attempt = 0; !sockets && is_closing && attempt < kMaxBindAttempts; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    retired->free_all();
    sockets = open();
  }
  if (!sockets) return std::unexpected(std::move(sockets.error()));
  auto bound = std::make_shared<proxy::BoundListener>(std::move(sockets->fds), sockets->port);
  last = bound;
  if (options.open_sockets) opened.emplace_back(std::move(request), bound);
  return bound;
}

// Those that the current configuration does not use, one that was refused among them.
void Server::Impl::give_up_unused() {
  std::erase_if(opened, [this](const auto& held) {
    const proxy::SnapshotPtr& current = publisher.current();
    const auto bound = held.second.lock();
    const auto is_it = [&](const auto& entry) { return entry.bound == bound; };
    const bool is_used = bound && current &&
                         (std::ranges::any_of(current->listeners, is_it) ||
                          std::ranges::any_of(current->udp_listeners, is_it));
    if (!is_used && options.give_up_sockets) options.give_up_sockets(held.first);
    return !is_used;
  });
}

void Server::Impl::give_up_all() {
  const std::lock_guard lock(writer);
  for (const auto& held : std::exchange(opened, {}))
    if (options.give_up_sockets) options.give_up_sockets(held.first);
}

bool Server::Impl::has_worker_behind() const {
  const std::lock_guard lock(workers_lock);
  return std::ranges::any_of(workers, [this](const auto& worker) { return worker->adopted() < published; });
}

std::expected<Generation, std::vector<Problem>> Server::Impl::hand_out(
    std::expected<proxy::SnapshotPtr, std::vector<Problem>> result) {
  retired->free_all();
  give_up_unused();
  if (!result) return std::unexpected(std::move(result.error()));
  for (const proxy::ListenerEntry& entry : (*result)->listeners) {
    std::erase_if(given, [&](const GivenSockets& sockets) { return sockets.sockets == entry.bound; });
  }
  const Generation generation = (*result)->generation;
  if (generation == published.load(std::memory_order_relaxed)) return generation;
  published.store(generation, std::memory_order_relaxed);
  health->sync(*(*result)->clusters);
  const std::lock_guard lock(workers_lock);
  for (const auto& worker : workers) worker->put_snapshot(*result);
  return generation;
}

void Server::Impl::begin_stop() {
  if (life != Life::kServing) return;
  if (options.shutdown_delay.count() == 0) return begin_drain();
  life = Life::kAnnouncing;
  for (const auto& worker : workers) worker->begin_announcing();
  stop_timer = loop->after(options.shutdown_delay, [this] { begin_drain(); });
}

void Server::Impl::begin_drain() {
  if (life == Life::kStopped) return;  // stopped at once while announcing
  life = Life::kDraining;
  give_up_all();
  for (const auto& worker : workers) worker->begin_drain();
  const auto [first, last] = std::minmax(options.drain_timeout, options.tunnel_drain_timeout);
  stop_timer = loop->after(last, [this] { finish_stop(); });
  if (first == last) return;
  first_timer = loop->after(first, [this, are_tunnels = first == options.tunnel_drain_timeout] {
    for (const auto& worker : workers) are_tunnels ? worker->drain_tunnels() : worker->cut_exchanges();
  });
}

void Server::Impl::on_worker_drained() {
  if (++num_drained == options.workers) finish_stop();
}

void Server::Impl::finish_stop() {
  if (life == Life::kStopped) return;
  life = Life::kStopped;
  give_up_all();
  std::vector<std::unique_ptr<proxy::Worker>> gone;
  {
    const std::lock_guard lock(workers_lock);
    gone = std::move(workers);
    workers.clear();
  }
  gone.clear();  // joins
  if (is_running) loop->stop();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

std::expected<Server, Error> Server::create(ServerOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  if (auto started = impl->start(); !started) return std::unexpected(std::move(started.error()));
  return Server(std::move(impl));
}

std::expected<Generation, std::vector<Problem>> Server::publish(GatewayConfig config) {
  const std::lock_guard lock(impl_->writer);
  return impl_->hand_out(impl_->publisher.publish(config));
}

std::expected<Generation, std::vector<Problem>> Server::apply(ConfigDelta delta) {
  const std::lock_guard lock(impl_->writer);
  return impl_->hand_out(impl_->publisher.apply(delta));
}

ServerStatus Server::status() const {
  ServerStatus status;
  {
    const std::lock_guard lock(impl_->writer);
    if (const proxy::SnapshotPtr& current = impl_->publisher.current()) {
      status.published = current->generation;
      for (const proxy::ListenerEntry& entry : current->listeners) {
        status.listeners.push_back({entry.listener.name, entry.listener.address, entry.bound->port});
      }
      for (const proxy::UdpListenerEntry& entry : current->udp_listeners) {
        status.listeners.push_back(
            {entry.listener.name, entry.listener.address, entry.bound->port, ListenerProtocol::kUdp});
      }
    }
  }
  const std::lock_guard lock(impl_->workers_lock);
  for (const auto& worker : impl_->workers) {
    status.workers.push_back({.adopted = worker->adopted(), .views = worker->num_views()});
  }
  status.is_draining = impl_->life != Impl::Life::kServing;
  return status;
}

std::string Server::config_json() const {
  GatewayConfig config;
  {
    const std::lock_guard lock(impl_->writer);
    config = impl_->publisher.config();
  }
  return to_json(config);
}

std::vector<ClusterStatus> Server::clusters() const {
  std::vector<Cluster> clusters;
  {
    const std::lock_guard lock(impl_->writer);
    if (const proxy::SnapshotPtr& current = impl_->publisher.current()) {
      current->clusters->entries().for_each(
          [&](std::size_t, const upstream::ClusterEntry& entry) { clusters.push_back(entry.cluster); });
    }
  }
  std::shared_ptr<proxy::LoadReading> loads;
  {
    const std::lock_guard lock(impl_->workers_lock);
    loads = proxy::LoadReading::ask(impl_->workers);
  }
  return proxy::read_clusters(clusters, *loads, *impl_->health, *impl_->breakers);
}

Metrics Server::metrics() const {
  const std::lock_guard lock(impl_->workers_lock);
  return proxy::read_metrics(impl_->workers, *impl_->breakers, *impl_->health,
                             impl_->published.load(std::memory_order_relaxed));
}

void Server::stop() {
  impl_->post(&Impl::begin_stop);
}

void Server::stop_now() {
  impl_->post(&Impl::finish_stop);
}

void Server::stop_on_signals() {
  const auto on_signal = [impl = impl_.get()] {
    if (impl->life == Impl::Life::kServing) {
      impl->begin_stop();
    } else {
      impl->finish_stop();
    }
  };
  if (auto registered = impl_->loop->on_signal(SIGTERM, on_signal)) impl_->sigterm = std::move(*registered);
  if (auto registered = impl_->loop->on_signal(SIGINT, on_signal)) impl_->sigint = std::move(*registered);
}

std::expected<void, Error> Server::run() {
  if (impl_->life == Impl::Life::kStopped) return {};
  impl_->is_running = true;
  impl_->loop->run();
  impl_->is_running = false;
  impl_->stop_timer = {};
  impl_->first_timer = {};
  impl_->finish_stop();
  return {};
}

}  // namespace ingress
