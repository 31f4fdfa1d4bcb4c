#include "proxy/worker.h"

#include <pthread.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/downstream_h1.h"
#include "proxy/downstream_h2.h"

namespace ingress::proxy {

namespace {

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  // Without entropy at hand the address of a fresh object still differs between workers.
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = reinterpret_cast<std::uintptr_t>(&seed);
  return seed;
}

}  // namespace

// A call of a filter that waits for its time.
struct Worker::Delayed {
  Delayed(Worker& worker_in, std::move_only_function<void()> call_in)
      : worker(worker_in),
        call(std::move(call_in)),
        timer([](void* self) { static_cast<Delayed*>(self)->fire(); }, this) {}
  void fire() {
    auto& waiting = worker.delayed_;
    const std::unique_ptr<Delayed> self = std::exchange(waiting[index], std::move(waiting.back()));
    waiting.pop_back();
    if (index < waiting.size()) waiting[index]->index = index;
    self->call();
  }
  Worker& worker;
  std::move_only_function<void()> call;
  net::Timer timer;
  std::size_t index = 0;  // in the worker's list
};

std::expected<std::unique_ptr<Worker>, Error> Worker::create(WorkerOptions options) {
  auto loop = net::EventLoop::create();
  if (!loop) return std::unexpected(std::move(loop.error()));
  auto resolver = net::Resolver::create(**loop, options.resolver);
  if (!resolver) return std::unexpected(std::move(resolver.error()));
  std::unique_ptr<Worker> worker(new Worker(std::move(options), std::move(*loop), std::move(*resolver)));
  worker->thread_ = std::thread([raw = worker.get()] { raw->run(); });
  return worker;
}

Worker::Worker(WorkerOptions options, std::unique_ptr<net::EventLoop> loop,
               std::unique_ptr<net::Resolver> resolver)
    : options_(std::move(options)),
      loop_(std::move(loop)),
      resolver_(std::move(resolver)),
      views_(options_.retire),
      clusters_({.seed = random_seed(),
                 .zone = options_.zone,
                 .now = [loop = loop_.get()] { return loop->now(); },
                 .counters = &metrics_.picks}),
      connector_(*loop_, resolver_.get(), options_.local_backends),
      mirrors_(*loop_, clusters_, connector_, metrics_.mirrors_by_end),
      preconnector_(*loop_, connector_, clusters_),
      tls_acceptor_(*loop_, views_, metrics_.tls),
      pending_headers_(*loop_, metrics_.proxy_headers, *this),
      services_{.worker_index = options_.index,
                .loop = *loop_,
                .views = views_,
                .clusters = clusters_,
                .connector = connector_,
                .mirrors = mirrors_,
                .filters = filters_,
                .context = *this,
                .metrics = metrics_,
                .access_log = options_.access_log.get()},
      udp_({.worker_index = options_.index,
            .loop = *loop_,
            .resolver = *resolver_,
            .views = views_,
            .clusters = clusters_,
            .local_backends = options_.local_backends,
            .max_sessions = max_udp_sessions(options_.num_workers),
            .counters = metrics_.udp,
            .access_log = options_.access_log.get(),
            .log = options_.log},
           [this] { check_drained(); }),
      streams_(services_, tls_acceptor_, *this) {
  clusters_.use_breakers(options_.breakers, [raw = loop_.get()](std::move_only_function<void()> call) {
    raw->post(std::move(call));
  });
  loop_->set_on_wake([this] { adopt_mail(); });
}

Worker::~Worker() {
  loop_->stop();
  if (thread_.joinable()) thread_.join();
  // What closed connections left to be freed goes now, while everything that it refers to is there.
  resolver_.reset();
  loop_.reset();
}

void Worker::run() {
  pthread_setname_np(pthread_self(), ("ingress-" + std::to_string(options_.index)).c_str());
  if (options_.make_filters) filters_ = options_.make_filters();
  health_watch_.emplace(options_.index, options_.num_workers, *loop_, clusters_, connector_, options_.health);
  adopt_mail();
  loop_->run();
  shut_down();
}

// Everything that lives on the loop goes on its thread, in the order of who refers to whom.
void Worker::shut_down() {
  for (const auto& listener : listeners_) close_listener(*listener);
  pending_headers_.drop_all();
  streams_.drop_hellos();
  streams_.drain();
  while (!connections_.empty()) {
    connections_.back()->drain_tunnel();
    connections_.back()->close_now();
  }
  udp_.close();
  delayed_.clear();
  health_watch_.reset();
  free_exchanges_.clear();
  free_messages_.clear();
  preconnector_.stop();
  mirrors_.drop_all();
  clusters_.adopt(upstream::ClusterTable());
  filters_.clear();
}

void Worker::visit_loads(
    const std::function<void(const std::string& cluster, const Endpoint&, const EndpointLoad&)>& visit) {
  const WorkerView* view = views_.newest();
  if (view == nullptr) return;
  view->snapshot().clusters->entries().for_each([&](std::size_t index, const upstream::ClusterEntry& entry) {
    for (const upstream::EndpointState* endpoint : clusters_.endpoints(static_cast<std::uint32_t>(index))) {
      const EndpointLoad load{.active_requests = endpoint->num_active,
                              .idle_connections = static_cast<std::uint32_t>(endpoint->idle.size())};
      if (load.active_requests + load.idle_connections > 0) visit(entry.cluster.name, endpoint->key, load);
    }
  });
}

void Worker::put_snapshot(SnapshotPtr snapshot) {
  mailbox_.put(std::move(snapshot));
  loop_->wake();
}

void Worker::begin_announcing() {
  loop_->post([this] { stage_ = std::max(stage_, Stage::kAnnouncing); });
}

void Worker::begin_drain() {
  loop_->post([this] {
    stage_ = Stage::kDraining;
    preconnector_.stop();
    for (const auto& listener : listeners_) {
      if (listener->acceptor) listener->acceptor->stop();
    }
    pending_headers_.hurry(nullptr, DownstreamConnection::kFirstRequestGrace);
    streams_.hurry(nullptr, DownstreamConnection::kFirstRequestGrace);
    // From the end: a connection that closes at once is replaced by one that was seen already.
    for (std::size_t i = connections_.size(); i > 0; --i) connections_[i - 1]->drain();
    udp_.begin_drain();
    check_drained();
  });
}

void Worker::drain_tunnels() {
  loop_->post([this] {
    for (std::size_t i = connections_.size(); i > 0; --i) connections_[i - 1]->drain_tunnel();
    streams_.drain();
    udp_.close();
  });
}

void Worker::cut_exchanges() {
  loop_->post([this] {
    for (std::size_t i = connections_.size(); i > 0; --i) connections_[i - 1]->cut_exchanges();
    pending_headers_.drop_all();
    streams_.drop_hellos();
  });
}

void Worker::after(std::chrono::milliseconds delay, std::move_only_function<void()> call) {
  delayed_.push_back(std::make_unique<Delayed>(*this, std::move(call)));
  delayed_.back()->index = delayed_.size() - 1;
  delayed_.back()->timer.set(loop_->timers(), delay);
}

void Worker::adopt_mail() {
  std::unique_ptr<SnapshotPtr> letter = mailbox_.take();
  if (!letter) return;
  const Snapshot& snapshot = **letter;
  // The old snapshot is still held while its endpoints hand over their state.
  clusters_.adopt(*snapshot.clusters);
  health_watch_->adopt(*snapshot.clusters);
  preconnector_.adopt(*snapshot.clusters);
  sync_listeners(snapshot);
  udp_.adopt(snapshot);
  views_.adopt(std::move(letter));
  metrics_.snapshots_adopted.add();
}

void Worker::sync_listeners(const Snapshot& snapshot) {
  for (const auto& listener : listeners_) {
    const auto found = std::ranges::find(snapshot.listeners, listener->bound, &ListenerEntry::bound);
    if (listener->bound && found == snapshot.listeners.end()) close_listener(*listener);
  }
  for (const ListenerEntry& entry : snapshot.listeners) {
    const auto found = std::ranges::find(listeners_, entry.bound, &ListenerState::bound);
    if (found == listeners_.end()) {
      open_listener(entry);
    } else {
      (*found)->settings = entry.listener;
      (*found)->trusted_proxies = entry.trusted_proxies;
      (*found)->proxy_senders = entry.proxy_senders;
      (*found)->tls = entry.tls;
      (*found)->streams = entry.streams;
    }
  }
  forget_closed_listeners();
}

void Worker::open_listener(const ListenerEntry& entry) {
  auto state = std::make_unique<ListenerState>(ListenerState{.settings = entry.listener,
                                                             .bound = entry.bound,
                                                             .trusted_proxies = entry.trusted_proxies,
                                                             .proxy_senders = entry.proxy_senders,
                                                             .tls = entry.tls,
                                                             .streams = entry.streams,
                                                             .port = entry.bound->port});
  const int fd = entry.bound->take(options_.index);
  if (fd >= 0 && stage_ == Stage::kDraining) {
    ::close(fd);  // nobody will accept on it: clients must not queue up there
  } else if (fd >= 0) {
    auto acceptor = net::Acceptor::create(
        *loop_, fd,
        [this, raw = state.get()](net::TransportPtr transport) { on_accept(*raw, std::move(transport)); },
        &metrics_.connections_refused);
    if (acceptor) {
      state->acceptor = std::move(*acceptor);
    } else if (options_.log) {
      options_.log("listener " + entry.listener.name + ": " + acceptor.error().text());
    }
  }
  listeners_.push_back(std::move(state));
}

void Worker::close_listener(ListenerState& listener) {
  listener.bound.reset();
  if (listener.acceptor) listener.acceptor->stop();
  pending_headers_.hurry(&listener, DownstreamConnection::kFirstRequestGrace);
  streams_.hurry(&listener, DownstreamConnection::kFirstRequestGrace);
  for (std::size_t i = connections_.size(); i > 0; --i) {
    if (&connections_[i - 1]->listener() == &listener) connections_[i - 1]->drain();
  }
}

void Worker::forget_closed_listeners() {
  std::erase_if(listeners_, [this](const auto& listener) {
    return !listener->bound && listener->num_connections == 0 && !pending_headers_.has_any_of(*listener);
  });
}

void Worker::on_accept(ListenerState& listener, net::TransportPtr transport) {
  metrics_.connections_accepted.add();
  if (listener.proxy_senders) return pending_headers_.add(listener, std::move(transport));
  serve(listener, std::move(transport));
}

void Worker::on_headers_settled() {
  forget_closed_listeners();
  check_drained();
}

void Worker::serve(ListenerState& listener, net::TransportPtr stream) {
  if (listener.streams) {
    streams_.add(listener, std::move(stream));
    // Its header came late.
    if (stage_ == Stage::kDraining || !listener.bound)
      streams_.hurry(&listener, DownstreamConnection::kFirstRequestGrace);
    return;
  }
  if (listener.tls) return serve_https(listener, std::move(stream), listener.settings.timeouts.tls_handshake);
  serve_http(listener, std::move(stream));
}

// Null: it was not to be had.
void Worker::serve_http(ListenerState& listener, net::TransportPtr transport) {
  if (!transport) return;
  metrics_.connections_open.add();
  ++listener.num_connections;
  auto connection =
      std::make_unique<DownstreamH1>(static_cast<DownstreamHost&>(*this), listener, std::move(transport));
  connection->list_index = connections_.size();
  connections_.push_back(std::move(connection));
  connections_.back()->start();
  // Its header came late.
  if (stage_ == Stage::kDraining || !listener.bound) connections_.back()->drain();
}

void Worker::begin_http2(DownstreamConnection& connection, net::TransportPtr transport, base::Chain read) {
  const std::size_t index = connection.list_index;
  auto successor = std::make_unique<DownstreamH2>(static_cast<DownstreamHost&>(*this), connection.listener(),
                                                  std::move(transport), std::move(read));
  DownstreamH2& started = *successor;
  started.list_index = index;
  std::unique_ptr<DownstreamConnection> gone = std::exchange(connections_[index], std::move(successor));
  // Its own functions are on the stack.
  loop_->defer([gone = std::move(gone)]() mutable { gone.reset(); });
  started.start();
  if (is_closing(started.listener())) started.drain();
}

void Worker::on_connection_closed(DownstreamConnection& connection) {
  metrics_.connections_open.subtract();
  --connection.listener().num_connections;
  const std::size_t index = connection.list_index;
  std::unique_ptr<DownstreamConnection> gone = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->list_index = index;
  }
  connections_.pop_back();
  // Its own functions are on the stack; `gone` goes when they have returned.
  loop_->defer([this, gone = std::move(gone)]() mutable {
    gone.reset();
    forget_closed_listeners();
    check_drained();
  });
}

void Worker::check_drained() {
  if (stage_ != Stage::kDraining || !connections_.empty()) return;
  if (!pending_headers_.is_empty() || !streams_.is_empty() || !udp_.is_empty()) return;
  if (!options_.on_drained) return;
  std::exchange(options_.on_drained, nullptr)();
}

std::unique_ptr<Exchange> Worker::take_exchange() {
  if (free_exchanges_.empty()) return std::make_unique<Exchange>(services_);
  std::unique_ptr<Exchange> exchange = std::move(free_exchanges_.back());
  free_exchanges_.pop_back();
  return exchange;
}

void Worker::put_back_exchange(std::unique_ptr<Exchange> exchange) {
  if (free_exchanges_.size() < kMaxFreeExchanges) free_exchanges_.push_back(std::move(exchange));
}

std::unique_ptr<H1Message> Worker::take_message() {
  if (free_messages_.empty()) return std::make_unique<H1Message>();
  std::unique_ptr<H1Message> message = std::move(free_messages_.back());
  free_messages_.pop_back();
  return message;
}

void Worker::put_back_message(std::unique_ptr<H1Message> message) {
  if (free_messages_.size() < kMaxFreeMessages) free_messages_.push_back(std::move(message));
}

bool Worker::is_closing(const ListenerState& listener) const {
  return stage_ != Stage::kServing || !listener.bound;
}

}  // namespace ingress::proxy
