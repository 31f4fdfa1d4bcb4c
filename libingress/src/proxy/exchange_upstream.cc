// The backend's side of an exchange: endpoint, connection, request head, response events, time limits.
#include <utility>

#include "http/hop_by_hop.h"
#include "proxy/exchange.h"
#include "upstream/give_back.h"

namespace ingress::proxy {

Exchange::Step Exchange::pick_upstream() {
  if (rule_->value->reply) {
    answer(*rule_->value->reply);
    return Step::kWait;
  }
  if (cluster_ == nullptr) {
    if (rule_->total_weight == 0) {
      // Gateway API, HTTPRouteRule.backendRefs: no backend can be picked, 500.
      answer(FixedReply{500, "no_backends"});
      return Step::kWait;
    }
    const bool is_single = rule_->backends.size() == 1;
    const routing::CompiledBackend& backend =
        rule_->backends[is_single ? 0 : services_.clusters.pick_backend(rule_->id, rule_->value->backends)];
    if (backend.failure != nullptr) {
      answer(*backend.failure);
      return Step::kWait;
    }
    cluster_ = view_->snapshot().clusters->find(backend.cluster->index);
    if (cluster_ == nullptr) {
      fail({ErrorCode::kNoEndpoints, ErrorSide::kSelf, RetrySafety::kNotSafe, "no_cluster", {}});
      return Step::kWait;
    }
    cluster_timeouts_ = cluster_->cluster.timeouts;
    cluster_limits_ = cluster_->cluster.limits;
    if (cluster_->cluster.proxy_protocol != ProxyProtocol::kNone)
      proxy_header_ = proxy_header_for(cluster_->cluster);
    if (cluster_->cluster.circuit_breakers.is_limited() && !take_request_permit()) return Step::kWait;
  }
  endpoint_ = services_.clusters.pick(*cluster_, tries_.pick_request(start_->head, client_address_));
  if (!endpoint_) {
    const char* detail = cluster_->cluster.endpoints.empty() ? "" : "none_available";
    fail({ErrorCode::kNoEndpoints, ErrorSide::kSelf, RetrySafety::kNotSafe, detail, {}});
    return Step::kWait;
  }
  endpoint_->begin_exchange();
  ++tries_.num;
  try_started_us_ = endpoint_->is_measured ? net::EventLoop::clock_us() : -1;
  // Nothing that takes time has happened since the exchange began, unless it waited.
  if (upstream_started_us_ < 0) upstream_started_us_ = is_in_read_ ? started_us_ : net::EventLoop::clock_us();
  upstream_label_ = endpoint_->label;
  start_try_clock();
  const Cluster& cluster = cluster_->cluster;
  if (cluster.protocol != BackendProtocol::kHttp1) {
    conn_ = upstream::take_kept(*endpoint_, cluster, stream_needs());
    // One of HTTP/2 that is still there is as good as a fresh one.
    if (conn_ && conn_->h1() != nullptr && tries_.wants_fresh_conn) conn_.reset();
  } else if (!tries_.wants_fresh_conn) {
    conn_ = endpoint_->idle.take(proxy_header_);
  }
  if (!conn_) {
    phase_ = Phase::kConnect;
    return Step::kGoOn;
  }
  services_.metrics.upstream_reused.add();
  begin_attempt();
  return Step::kGoOn;
}

Exchange::Step Exchange::open_connection() {
  if (attempt_) return Step::kWait;  // under way
  const upstream::StreamNeeds needs = stream_needs();
  const bool is_joining = upstream::can_join(*endpoint_, cluster_->cluster, needs);
  if (limit_use_.gate && !limit_use_.connection && !is_joining) {
    const Step step = wait_for_connection();
    if (step == Step::kWait) return step;
  }
  if (!is_joining) services_.metrics.upstream_connects.add();
  attempt_ = upstream::open_stream(
      services_.loop, services_.connector, endpoint_, cluster_->cluster, needs,
      std::move(limit_use_.connection),
      [this](std::expected<upstream::ClientStreamPtr, Error> stream) { on_connected(std::move(stream)); });
  return Step::kWait;
}

upstream::StreamNeeds Exchange::stream_needs() const {
  return {.proxy_header = proxy_header_, .is_upgrade = !upgrade_.empty()};
}

Exchange::Step Exchange::send_request() {
  if (!is_in_read_) pump_request();
  return Step::kWait;
}

void Exchange::on_connected(std::expected<upstream::ClientStreamPtr, Error> stream) {
  attempt_.reset();
  if (!stream) {
    services_.metrics.upstream_connect_failures.add();
    if (!wait_for_descriptors(stream.error())) fail(std::move(stream.error()));
    return;
  }
  conn_ = std::move(*stream);
  begin_attempt();
  run();
}

// Bodies that filters change lose their length, unless they were held whole.
http::BodyFraming Exchange::upstream_framing() const {
  const policy::BodyInterest& interest = filters_.interest(policy::Direction::kRequest);
  if (start_->framing.kind == http::BodyKind::kNone || !interest.is_wanted()) return start_->framing;
  if (interest.mode == BodyMode::kStream) return {http::BodyKind::kChunked, 0};
  return {http::BodyKind::kLength, held_request_.size_bytes()};
}

// The client as far as we believe it, and where it connected to.
std::string Exchange::proxy_header_for(const Cluster& cluster) const {
  if (cluster.proxy_protocol == ProxyProtocol::kNone) return {};
  net::ProxyAddresses addresses{.client = {.port = client_port_}, .destination = stream_->local_address()};
  client_address_.copy(addresses.client.text, sizeof addresses.client.text - 1);
  return upstream::make_proxy_header(cluster.proxy_protocol, &addresses);
}

void Exchange::begin_attempt() {
  phase_ = Phase::kSendRequest;
  response_head_ = nullptr;
  conn_->begin(*this, start_->head.method(), cluster_limits_);
  if (!upgrade_.empty()) conn_->offer_upgrade(upgrade_);
  begin_sending();
  if (!rule_->mirrors.empty() && !std::exchange(is_mirrored_, true)) begin_mirrors();
  conn_->send_head(start_->head, upstream_framing());
}

// Once per try: with the response head, or when it fails before that.
void Exchange::note_outcome(upstream::TryOutcome outcome) {
  if (try_started_us_ >= 0) {
    const std::chrono::microseconds duration(net::EventLoop::clock_us() - try_started_us_);
    services_.clusters.note_duration(*endpoint_, duration, outcome);
  }
  endpoint_->note(outcome);
}

void Exchange::release_upstream() {
  tries_.stop_timers();
  attempt_.reset();
  if (limit_use_.gate) {
    limit_use_.ticket.leave();
    limit_use_.connection.reset();
  }
  if (endpoint_) {
    endpoint_->end_exchange();
    ended_us_ = net::EventLoop::clock_us();
    upstream_us_ = ended_us_ - upstream_started_us_;
  }
  if (conn_) {
    upstream::give_back(services_.loop, endpoint_, std::move(conn_), cluster_limits_, cluster_timeouts_);
  }
  endpoint_ = {};
  if (phase_ != Phase::kTunnel) tunnel_.reset();  // else the log needs it
  response_head_ = nullptr;
  waiting_ = Waiting::kNothing;
  step_timer_.cancel();
}

void Exchange::on_response_interim(ResponseHead& head) {
  // 100 answers an Expect; nobody else is waiting for it (RFC 9110 15.2.1).
  if (head.status() == 100 && !start_->expects_continue) return;
  http::strip_hop_by_hop(head.headers());
  stream_->send_interim(head);
  has_sent_interim_ = true;
}

void Exchange::on_response_head(ResponseHead& head, http::BodyFraming framing) {
  note_outcome(upstream::to_outcome(head.status()));
  if (head.status() == 101) return take_upgrade(head);
  const RetryPolicy* const retry = retry_policy();
  if (retry != nullptr && policy::is_retriable_status(*retry, head.status()) &&
      try_again(policy::TryFailure::kStatus, RetrySafety::kIfIdempotent)) {
    return;
  }
  tries_.try_timer.cancel();
  if (tries_.replay != Replay::kOff) tries_.stop_keeping();
  response_head_ = &head;
  response_framing_ = framing;
  // What is read to the close of the connection has no length that could be told.
  if (framing.kind == http::BodyKind::kUntilClose) response_framing_ = {http::BodyKind::kChunked, 0};
  kept_length_ = -1;
  if (framing.kind == http::BodyKind::kNone) {
    const auto length = http::content_length(head.headers());
    if (length) kept_length_ = static_cast<std::int64_t>(*length);
  }
  http::strip_hop_by_hop(head.headers());
  phase_ = Phase::kResponseFilters;
}

void Exchange::on_response_body(base::Chain&& piece) {
  if (phase_ == Phase::kBackOff) return drain_refused(std::move(piece));
  if (tunnel_) return tunnel_->on_backend_bytes(std::move(piece));
  response_.push(std::move(piece));
}

void Exchange::on_response_end(const Headers& trailers) {
  if (tunnel_) return tunnel_->on_backend_end();
  if (phase_ != Phase::kBackOff) response_.end(trailers);
}

void Exchange::on_response_read_done() {
  run();
  if (phase_ == Phase::kDone || !conn_) return;
  if (phase_ == Phase::kTunnel) return end_tunnel_if_over();
  if (is_suspended_) {
    response_.compact(services_.loop.buffers());
    if (response_.is_full()) conn_->pause_response();
  }
  if (has_sent_interim_) {
    has_sent_interim_ = false;
    stream_->flush();
  }
  // Progress starts the limit anew, but only between pieces of a body: a head has one for all of it.
  if (waiting_ == Waiting::kForBody) waiting_ = Waiting::kNothing;
  watch_upstream();
}

void Exchange::on_upstream_drained() {
  if (phase_ == Phase::kTunnel) {
    tunnel_->on_backend_drained();
    return end_tunnel_if_over();
  }
  if (!request_.is_out_ended()) stream_->set_reading(Reading::kOn);
  watch_upstream();
}

void Exchange::on_upstream_failed(Error error) {
  if (phase_ == Phase::kBackOff) return release_upstream();
  if (phase_ == Phase::kTunnel) return end_tunnel(TunnelEnd::kBackendReset);
  fail(std::move(error));
}

// What the failure of a try says about its endpoint; a response that began has been judged by its head.
void Exchange::note_failure(const Error& error) {
  if (error.side != ErrorSide::kUpstream || !endpoint_ || response_head_ != nullptr) return;
  // A stale connection was kept for too long, no more; who waits for another try has been judged.
  if (error.code == ErrorCode::kStaleConnection || phase_ == Phase::kBackOff) return;
  // A time limit of the request may also be over because of the client, or of limits of the cluster.
  const bool is_awaited = attempt_ || is_request_sent_ || (conn_ && conn_->queued_bytes() > 0);
  if (error.code == ErrorCode::kUpstreamTimeout && !is_awaited) return;
  note_outcome(upstream::TryOutcome::kGatewayFailure);
}

void Exchange::on_step_timeout() {
  switch (std::exchange(waiting_, Waiting::kNothing)) {
    case Waiting::kNothing:
      return;
    case Waiting::kForConnection:
      return fail({ErrorCode::kCircuitOpen, ErrorSide::kSelf, RetrySafety::kNotSafe, "connection_wait", {}});
    case Waiting::kToWrite:
      if (conn_->queued_bytes() < queued_before_) return watch_upstream();  // it reads, if slowly
      return fail({ErrorCode::kUpstreamTimeout,
                   ErrorSide::kUpstream,
                   RetrySafety::kIfIdempotent,
                   "request_write",
                   {}});
    case Waiting::kForHead:
      return fail({ErrorCode::kUpstreamTimeout,
                   ErrorSide::kUpstream,
                   RetrySafety::kIfIdempotent,
                   "response_head",
                   {}});
    case Waiting::kForBody:
      return fail(
          {ErrorCode::kUpstreamTimeout, ErrorSide::kUpstream, RetrySafety::kNotSafe, "response_body", {}});
  }
}

// The one owner of the backend's time limits: decides from the state which of them runs. While we wait for
// the client (to send its body, to read the response) none does: the downstream connection has its own.
void Exchange::watch_upstream() {
  if (limit_use_.ticket) return wait_for(Waiting::kForConnection, cluster_timeouts_.connect);
  if (!conn_ || is_suspended_ || phase_ == Phase::kBackOff || phase_ == Phase::kTunnel) {
    return wait_for(Waiting::kNothing, {});
  }
  if (phase_ == Phase::kRelay || phase_ == Phase::kHoldResponse) {
    const bool is_client_slow = is_response_paused_ || response_.is_in_ended();
    return wait_for(is_client_slow ? Waiting::kNothing : Waiting::kForBody,
                    cluster_timeouts_.response_body_idle);
  }
  if (conn_->queued_bytes() > 0) return wait_for(Waiting::kToWrite, cluster_timeouts_.request_write_idle);
  if (is_request_sent_) return wait_for(Waiting::kForHead, cluster_timeouts_.response_head);
  wait_for(Waiting::kNothing, {});
}

void Exchange::wait_for(Waiting waiting, std::chrono::milliseconds limit) {
  if (waiting == waiting_ && waiting != Waiting::kToWrite) return;
  waiting_ = waiting;
  if (waiting == Waiting::kToWrite) queued_before_ = conn_->queued_bytes();
  if (waiting == Waiting::kNothing || limit.count() == 0) return step_timer_.cancel();
  step_timer_.set(services_.loop.timers(), limit);
}

}  // namespace ingress::proxy
