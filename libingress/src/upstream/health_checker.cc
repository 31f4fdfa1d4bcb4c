#include "upstream/health_checker.h"

#include <algorithm>
#include <map>
#include <utility>

#include "http/grpc_health.h"
#include "upstream/endpoint_order.h"
#include "upstream/endpoint_state.h"
#include "upstream/grpc_health.h"
#include "upstream/open_stream.h"

namespace ingress::upstream {

std::optional<Health> HealthStreak::note(Result result, const HealthCheck& settings) {
  const bool is_success = result == Result::kSuccess;
  const bool confirms = is_success ? health_ == Health::kHealthy : health_ == Health::kUnhealthy;
  if (confirms) {
    num_in_row_ = 0;
    return std::nullopt;
  }
  ++num_in_row_;
  std::uint32_t needed = is_success ? settings.healthy_threshold : settings.unhealthy_threshold;
  if (is_success && health_ == Health::kUnprobed) needed = 1;
  if (num_in_row_ < needed) return std::nullopt;
  num_in_row_ = 0;
  health_ = is_success ? Health::kHealthy : Health::kUnhealthy;
  return health_;
}

bool is_expected(std::uint16_t status, const HealthCheck& settings) {
  if (settings.expected_statuses.empty()) return status == 200;
  return std::ranges::any_of(settings.expected_statuses, [status](const StatusRange& range) {
    return status >= range.first && status <= range.last;
  });
}

namespace {

// Which check of TLS failed is what one has to know; of others the code says enough.
std::string reason_of(const Error& error) {
  const std::string code(to_string(error.code));
  return error.code == ErrorCode::kUpstreamTls ? code + ':' + error.what : code;
}

}  // namespace

class HealthChecker::Probe final : private UpstreamEvents {
 public:
  Probe(HealthChecker& checker, const Cluster& cluster, const Endpoint& endpoint,
        const tls::ClientContextPtr& tls)
      : checker_(checker),
        cluster_(cluster.name),
        endpoint_(endpoint),
        tls_(tls),
        settings_(*cluster.health_check),
        limits_(cluster.limits),
        proxy_protocol_(cluster.proxy_protocol),
        protocol_(protocol_of(cluster)),
        timer_([](void* self) { static_cast<Probe*>(self)->on_timer(); }, this) {
    // At a random point of the first interval: endpoints that came together are not probed together.
    wait(random_part(settings_.interval));
  }

  const Endpoint& endpoint() const { return endpoint_; }
  bool is_for(const Cluster& cluster, const tls::ClientContextPtr& tls) const {
    return tls_ == tls && settings_ == *cluster.health_check && limits_ == cluster.limits &&
           proxy_protocol_ == cluster.proxy_protocol && protocol_ == protocol_of(cluster);
  }

 private:
  enum class State : std::uint8_t { kWaiting, kProbing };
  static constexpr std::chrono::milliseconds kOurTimerComesFirst{1'000};

  // gRPC has no other.
  static BackendProtocol protocol_of(const Cluster& cluster) {
    return cluster.health_check->type == HealthCheckType::kGrpc ? BackendProtocol::kHttp2 : cluster.protocol;
  }
  std::chrono::milliseconds random_part(std::chrono::milliseconds most) {
    const auto bound = static_cast<std::uint32_t>(std::clamp<std::int64_t>(most.count() + 1, 1, UINT32_MAX));
    return std::chrono::milliseconds(checker_.random_.below(bound));
  }
  void wait(std::chrono::milliseconds time) {
    state_ = State::kWaiting;
    timer_.set(checker_.loop_.timers(), time);
  }
  void on_timer() {
    if (state_ == State::kProbing)
      return finish(HealthStreak::Result::kFailure, attempt_ ? "connect_timeout" : "timeout");
    state_ = State::kProbing;
    timer_.set(checker_.loop_.timers(), settings_.timeout);
    attempt_ = checker_.connector_.connect(
        endpoint_,
        {.proxy_header = make_proxy_header(proxy_protocol_, nullptr),
         .tls = tls_,
         .protocols = offered_protocols(protocol_, false)},
        settings_.timeout + kOurTimerComesFirst,
        [this](std::expected<net::TransportPtr, Error> transport) { on_connected(std::move(transport)); });
  }
  void on_connected(std::expected<net::TransportPtr, Error> transport) {
    attempt_.reset();
    if (!transport) {
      // That we have no descriptor left, say, tells nothing about the endpoint.
      if (transport.error().side == ErrorSide::kSelf) return rest();
      return finish(HealthStreak::Result::kFailure, reason_of(transport.error()));
    }
    if (settings_.type == HealthCheckType::kTcp) {
      transport->reset();
      return finish(HealthStreak::Result::kSuccess, "connected");
    }
    stream_ = make_stream(checker_.loop_, std::move(*transport), protocol_, limits_, {});
    if (!stream_) return finish(HealthStreak::Result::kFailure, "no_http2");
    settings_.type == HealthCheckType::kGrpc ? call() : ask();
  }
  void call() {
    answer_ = {};
    RequestHead head;
    const EndpointState named(endpoint_);
    write_health_call(head, settings_.host.empty() ? named.label : settings_.host, settings_.timeout);
    base::Chain body;
    body.append_copy(http::make_health_request(settings_.grpc_service), checker_.loop_.buffers());
    stream_->begin(*this, "POST", limits_);
    stream_->send_head(head, {http::BodyKind::kChunked, 0});
    stream_->send_body(std::move(body));
    stream_->send_end({});
    stream_->flush();
  }
  void ask() {
    RequestHead head;
    const std::size_t mark = settings_.path.find('?');
    const std::string_view path = settings_.path;
    head.set_method_view("GET");
    head.set_target_view(path.substr(0, mark), mark == path.npos ? "" : path.substr(mark + 1),
                         mark != path.npos);
    const EndpointState named(endpoint_);
    const std::string_view host = settings_.host.empty() ? named.label : settings_.host;
    head.set_authority_view(host, 0, host);
    head.headers().add("User-Agent", "proxyd-health-check");
    stream_->begin(*this, "GET", limits_);
    stream_->send_head(head, {http::BodyKind::kNone, 0});
    stream_->send_end({});
    stream_->flush();
  }
  // Drops the connection, whose calls may be on the stack: it is freed after them.
  void rest() {
    attempt_.reset();
    stream_.reset();
    wait(settings_.interval + random_part(settings_.interval_jitter));
  }
  void finish(HealthStreak::Result result, std::string_view reason) {
    rest();
    const bool is_new = streak_.note(result, settings_).has_value();
    // That it is still bad is told each time: who keeps the verdicts may have forgotten this endpoint and got
    // it anew since, as a good one, without this probe seeing either.
    const bool is_still_bad =
        result == HealthStreak::Result::kFailure && streak_.health() == Health::kUnhealthy;
    if (is_new || is_still_bad) checker_.on_verdict_(cluster_, endpoint_, streak_.health(), reason);
  }

  void settle(const std::optional<GrpcHealthAnswer::Verdict>& verdict) {
    using Result = HealthStreak::Result;
    if (stream_ && verdict)
      finish(verdict->is_serving ? Result::kSuccess : Result::kFailure, verdict->reason);
  }

  void on_response_interim(ResponseHead&) override {}
  void on_response_head(ResponseHead& head, http::BodyFraming) override {
    if (settings_.type == HealthCheckType::kGrpc) return settle(answer_.take_head(head));
    const auto result = is_expected(head.status(), settings_) ? HealthStreak::Result::kSuccess
                                                              : HealthStreak::Result::kFailure;
    finish(result, "status_" + std::to_string(head.status()));
  }
  // Those of HTTP end with the head.
  void on_response_body(base::Chain&& piece) override { settle(answer_.take_body(std::move(piece))); }
  void on_response_end(const Headers& trailers) override { settle(answer_.end(trailers)); }
  void on_response_read_done() override {}
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override { finish(HealthStreak::Result::kFailure, reason_of(error)); }

  HealthChecker& checker_;
  std::string cluster_;
  Endpoint endpoint_;
  tls::ClientContextPtr tls_;
  HealthCheck settings_;
  ClusterLimits limits_;
  ProxyProtocol proxy_protocol_;
  BackendProtocol protocol_;
  State state_ = State::kWaiting;
  HealthStreak streak_;
  net::Timer timer_;  // of the next probe, or the time limit of this one
  std::unique_ptr<Connector::Attempt> attempt_;
  ClientStreamPtr stream_;
  GrpcHealthAnswer answer_;
};

HealthChecker::HealthChecker(net::EventLoop& loop, Connector& connector, std::uint64_t seed,
                             OnVerdict on_verdict)
    : loop_(loop), connector_(connector), random_(seed), on_verdict_(std::move(on_verdict)) {}

HealthChecker::~HealthChecker() = default;

void HealthChecker::set(const Cluster& cluster, std::span<const Endpoint> endpoints,
                        const tls::ClientContextPtr& tls) {
  std::vector<std::unique_ptr<Probe>>& probes = probes_[cluster.name];
  std::map<Endpoint, std::unique_ptr<Probe>, EndpointOrder> before;
  for (std::unique_ptr<Probe>& probe : probes) before.emplace(probe->endpoint(), std::move(probe));
  probes.clear();
  for (const Endpoint& endpoint : endpoints) {
    const auto known = before.find(endpoint);
    const bool stays = known != before.end() && known->second->is_for(cluster, tls);
    probes.push_back(stays ? std::move(known->second)
                           : std::make_unique<Probe>(*this, cluster, endpoint, tls));
  }
  if (probes.empty()) probes_.erase(cluster.name);
}

void HealthChecker::remove(const std::string& cluster) {
  probes_.erase(cluster);
}

}  // namespace ingress::upstream
