// The limits of a cluster that hold for the whole process: permits that an exchange takes, and its wait for
// a connection.
#include <utility>

#include "proxy/exchange.h"

namespace ingress::proxy {

// Once per exchange: another try uses the permit of the first.
bool Exchange::take_request_permit() {
  limit_use_.gate = services_.clusters.gate(*cluster_);
  if (!limit_use_.gate) return true;
  limit_use_.limits = cluster_->cluster.circuit_breakers;
  limit_use_.request = limit_use_.gate->take(upstream::Resource::kRequests, limit_use_.limits.max_requests);
  if (limit_use_.request) return true;
  fail({ErrorCode::kCircuitOpen, ErrorSide::kSelf, RetrySafety::kNotSafe, "max_requests", {}});
  return false;
}

// False: too many requests of the cluster are being tried again. Kept to the head of the response.
bool Exchange::take_retry_permit() {
  if (!limit_use_.gate || limit_use_.retry) return true;
  limit_use_.retry = limit_use_.gate->take(upstream::Resource::kRetries, limit_use_.limits.max_retries);
  return static_cast<bool>(limit_use_.retry);
}

// kGoOn with the permit to open a connection; else it comes later, or the exchange has failed.
Exchange::Step Exchange::wait_for_connection() {
  LimitUse& use = limit_use_;
  if (use.ticket) return Step::kWait;
  use.connection = use.gate->take_connection(use.limits.max_connections);
  // An idle connection to another endpoint may stand in the way of this one.
  if (!use.connection && use.gate->shed()) {
    use.connection = use.gate->take_connection(use.limits.max_connections);
  }
  if (use.connection) return Step::kGoOn;
  use.ticket = use.gate->wait(*this, upstream::waiting_place(*endpoint_, cluster_->cluster, stream_needs()),
                              use.limits.max_connections, use.limits.max_pending_requests);
  if (!use.ticket) {
    fail({ErrorCode::kCircuitOpen, ErrorSide::kSelf, RetrySafety::kNotSafe, "max_pending_requests", {}});
    return Step::kWait;
  }
  watch_upstream();
  return Step::kWait;
}

void Exchange::on_connection_granted(upstream::Permit permit, upstream::ClientStreamPtr stream) {
  limit_use_.ticket.leave();
  watch_upstream();
  upstream::H1ClientConn* const conn = stream ? stream->h1() : nullptr;
  const bool is_usable = stream && (conn == nullptr || conn->is_reusable());
  if (is_usable && stream->proxy_header() == proxy_header_) {
    conn_ = std::move(stream);
    services_.metrics.upstream_reused.add();
    begin_attempt();
  } else {
    limit_use_.connection = conn != nullptr ? conn->take_permit() : std::move(permit);
  }
  run();
}

}  // namespace ingress::proxy
