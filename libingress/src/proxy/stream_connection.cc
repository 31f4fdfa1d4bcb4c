#include "proxy/stream_connection.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace ingress::proxy {
namespace {

std::int64_t unix_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

std::string_view to_string(StreamEnd end) {
  switch (end) {
    case StreamEnd::kClosed:
      return "";
    case StreamEnd::kClientReset:
      return "client_reset";
    case StreamEnd::kBackendReset:
      return "backend_reset";
    case StreamEnd::kIdle:
      return "idle_timeout";
  }
  return "";
}

}  // namespace

StreamConnection::StreamConnection(Services& services, StreamHost& host, ListenerState& listener,
                                   std::shared_ptr<const StreamTable> table, const CompiledStreamRoute& route,
                                   Client client)
    : services_(services),
      host_(host),
      listener_(listener),
      table_(std::move(table)),
      route_(&route),
      client_(std::move(client)),
      peer_(client_.stream->peer()),
      started_us_(net::EventLoop::clock_us()) {}

StreamConnection::~StreamConnection() {
  if (view_ != nullptr) services_.views.unpin(view_);
}

void StreamConnection::start() {
  if (services_.access_log != nullptr) route_name_ = route_->value.name;
  if (client_.is_started) {
    client_.stream->set_handler(this);
  } else {
    client_.stream->start(this);
  }
  if (client_.stream->is_ready()) on_ready();
}

// The client may speak, and is heard once there is a backend.
void StreamConnection::on_ready() {
  if (phase_ != Phase::kHandshake) return;
  // Behind the handshake, so that only those it lets in can take the places.
  place_ = StreamPlace::take(route_->count, route_->value.max_connections);
  if (!place_) return refuse(StreamRefusal::kMaxConnections, "");
  phase_ = Phase::kConnect;
  client_.stream->pause(net::PauseReason::kPeerSlow);
  view_ = services_.views.pin_newest();
  if (choose_cluster()) pick_endpoint();
}

void StreamConnection::on_broken(Error error) {
  if (phase_ == Phase::kHandshake) return refuse(StreamRefusal::kTls, error.what);
  finish(to_string(StreamEnd::kClientReset), error.what);
}

// False when there is none, and the connection is over.
bool StreamConnection::choose_cluster() {
  if (route_->total_weight == 0) {
    refuse(StreamRefusal::kNoBackends, "");
    return false;
  }
  const bool is_single = route_->backends.size() == 1;
  const routing::CompiledBackend& backend =
      route_->backends[is_single ? 0 : services_.clusters.pick_backend(route_->id, route_->value.backends)];
  if (backend.failure != nullptr) {
    refuse(StreamRefusal::kNoBackends, backend.failure->why);
    return false;
  }
  cluster_ = view_->snapshot().clusters->find(backend.cluster->index);
  if (cluster_ == nullptr) {
    refuse(StreamRefusal::kNoEndpoints, "no_cluster");
    return false;
  }
  if (services_.access_log != nullptr) cluster_name_ = cluster_->cluster.name;
  const CircuitBreakers& limits = cluster_->cluster.circuit_breakers;
  const auto gate = limits.max_connections != 0 ? services_.clusters.gate(*cluster_) : nullptr;
  if (gate == nullptr) return true;
  permit_ = gate->take_connection(limits.max_connections);
  // An idle connection of HTTP to the same cluster may stand in the way.
  if (!permit_ && gate->shed()) permit_ = gate->take_connection(limits.max_connections);
  if (!permit_) refuse(StreamRefusal::kCircuitOpen, "max_connections");
  return static_cast<bool>(permit_);
}

void StreamConnection::pick_endpoint() {
  const std::span<const upstream::EndpointRef> failed(failed_.data(), num_failed_);
  endpoint_ = services_.clusters.pick(*cluster_, {.avoid = num_failed_ > 0 ? failed.back().get() : nullptr,
                                                  .failed = failed,
                                                  .client_address = peer_.view()});
  if (!endpoint_) {
    return refuse(StreamRefusal::kNoEndpoints, cluster_->cluster.endpoints.empty() ? "" : "none_available");
  }
  open_connection();
}

void StreamConnection::open_connection() {
  endpoint_->begin_exchange();
  upstream_label_ = endpoint_->label;
  try_started_us_ = endpoint_->is_measured ? net::EventLoop::clock_us() : -1;
  const net::ProxyAddresses addresses{peer_, client_.stream->local()};
  services_.metrics.upstream_connects.add();
  attempt_ = services_.connector.connect(
      endpoint_->key,
      {.proxy_header = upstream::make_proxy_header(cluster_->cluster.proxy_protocol, &addresses),
       .tls = endpoint_->tls},  // no protocol is offered
      cluster_->cluster.timeouts.connect,
      [this](std::expected<net::TransportPtr, Error> transport) { on_connected(std::move(transport)); });
}

// Nothing of the client's has left: another endpoint may be tried.
void StreamConnection::on_connected(std::expected<net::TransportPtr, Error> transport) {
  attempt_.reset();
  if (transport) {
    note_outcome(upstream::TryOutcome::kOk);
    return begin_relay(std::move(*transport));
  }
  const Error error = std::move(transport.error());
  services_.metrics.upstream_connect_failures.add();
  if (error.side == ErrorSide::kUpstream) note_outcome(upstream::TryOutcome::kGatewayFailure);
  endpoint_->end_exchange();
  upstream::EndpointRef failed = std::move(endpoint_);
  const bool is_again = std::ranges::any_of(
      failed_, [&](const upstream::EndpointRef& before) { return before.get() == failed.get(); });
  failed_[num_failed_++] = std::move(failed);
  // An endpoint that is picked once more is the only one that is left.
  if (is_again || num_failed_ == kMaxTries || error.retry != RetrySafety::kSafe)
    return refuse(StreamRefusal::kConnect, error.what);
  services_.metrics.streams.retries.add();
  pick_endpoint();
}

void StreamConnection::begin_relay(net::TransportPtr backend) {
  phase_ = Phase::kRelay;
  const std::chrono::milliseconds idle = route_->value.idle_timeout;
  unpin();
  services_.metrics.streams.opened.add();
  services_.metrics.streams.open.add();
  relay_.emplace(services_.loop, services_.metrics.streams, static_cast<StreamRelayOwner&>(*this),
                 std::move(client_.stream), std::move(backend));
  relay_->begin(std::move(client_.read), idle);
}

void StreamConnection::on_relay_over(StreamEnd end, const char* detail) {
  if (end != StreamEnd::kClosed) relay_->reset();
  finish(to_string(end), detail);
}

void StreamConnection::drain() {
  if (phase_ == Phase::kOver) return;
  if (relay_) relay_->reset();
  finish("drain", "");
}

void StreamConnection::note_outcome(upstream::TryOutcome outcome) {
  if (try_started_us_ >= 0) {
    const std::chrono::microseconds duration(net::EventLoop::clock_us() - try_started_us_);
    services_.clusters.note_duration(*endpoint_, duration, outcome);
  }
  endpoint_->note(outcome);
}

void StreamConnection::release_endpoint() {
  if (!endpoint_) return;
  endpoint_->end_exchange();
  endpoint_ = {};
}

void StreamConnection::unpin() {
  for (upstream::EndpointRef& failed : failed_) failed = {};
  cluster_ = nullptr;
  route_ = nullptr;
  table_.reset();
  if (view_ != nullptr) services_.views.unpin(std::exchange(view_, nullptr));
}

void StreamConnection::refuse(StreamRefusal why, std::string_view detail) {
  services_.metrics.streams.refuse(why);
  finish(to_string(why), detail);
}

// What was told stays valid to the end: `detail` may be of the route.
void StreamConnection::finish(std::string_view why, std::string_view detail) {
  if (phase_ == Phase::kOver) return;
  if (phase_ == Phase::kRelay) services_.metrics.streams.open.subtract();
  phase_ = Phase::kOver;
  log(why, detail);
  attempt_.reset();
  release_endpoint();
  permit_.reset();
  place_ = {};
  unpin();
  client_.stream.reset();
  host_.on_stream_over(*this);
}

void StreamConnection::log(std::string_view why, std::string_view detail) {
  if (services_.access_log == nullptr) return;
  const std::chrono::microseconds duration(net::EventLoop::clock_us() - started_us_);
  services_.access_log->write_stream(services_.worker_index,
                                     {.started_unix_us = unix_us() - duration.count(),
                                      .client_address = peer_.view(),
                                      .listener = listener_.settings.name,
                                      .client_port = peer_.port,
                                      .protocol = client_.protocol,
                                      .server_name = client_.server_name,
                                      .client_bytes = relay_ ? relay_->client_bytes() : 0,
                                      .backend_bytes = relay_ ? relay_->backend_bytes() : 0,
                                      .duration = duration,
                                      .upstream_address = upstream_label_,
                                      .cluster = cluster_name_,
                                      .route = route_name_,
                                      .why = why,
                                      .why_detail = detail});
}

}  // namespace ingress::proxy
