// What is known of an exchange when it is over, for filters and the access log.
#include <ctime>

#include "proxy/exchange.h"

namespace ingress::proxy {

namespace {

std::int64_t unix_us() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

}  // namespace

void Exchange::set_label(std::string_view name, std::string_view value) {
  for (auto& [known, held] : labels_) {
    if (known == name) {
      held = value;
      return;
    }
  }
  labels_.emplace_back(name, value);
}

void Exchange::want_request_body(BodyMode mode, std::size_t cap_bytes) {
  if (phase_ == Phase::kRequestFilters) filters_.want_body(policy::Direction::kRequest, mode, cap_bytes);
}

void Exchange::want_response_body(BodyMode mode, std::size_t cap_bytes) {
  if (phase_ == Phase::kRequestFilters || phase_ == Phase::kResponseFilters) {
    filters_.want_body(policy::Direction::kResponse, mode, cap_bytes);
  }
}

void Exchange::note_why(ErrorCode code, std::string_view detail) {
  why_ = to_string(code);
  why_detail_ = detail;
}

// The names survive the snapshot: a stream may last for hours after its configuration.
void Exchange::unpin() {
  tries_.release_budget();
  if (limit_use_.gate) limit_use_.retry.reset();
  if (view_ == nullptr) return;
  const bool is_told = is_recorded();
  if (rule_ != nullptr && is_told) {
    route_name_ = rule_->route->name;
    rule_name_ = rule_->name;
  }
  if (cluster_ != nullptr && is_told) cluster_name_ = cluster_->cluster.name;
  rule_ = nullptr;
  cluster_ = nullptr;
  services_.views.unpin(view_);
  view_ = nullptr;
}

void Exchange::log() {
  const std::chrono::microseconds duration(ended_us_ - started_us_);
  // What a tunnel was as a request has been counted when it began.
  if (!was_upgraded()) {
    services_.metrics.count_request(status_, duration);
    services_.metrics.request_body_bytes.add(request_.bytes_in());
    services_.metrics.response_body_bytes.add(response_bytes_);
  }
  if (!is_recorded()) return;
  if (grpc_.is_call) label_grpc_status();
  const RequestHead& head = start_->head;
  const ExchangeRecord record{
      .started_unix_us = unix_us() - duration.count(),
      .client_address = client_address_,
      .listener = start_->listener.name,
      .client_port = client_port_,
      .peer_address = start_->client.view(),
      .method = head.method().empty() ? start_->raw_method : head.method(),
      .host = head.host(),
      .path = head.path().empty() ? start_->raw_path : head.path(),
      .protocol = head.method().empty()                    ? ""
                  : head.version() == HttpVersion::kHttp2  ? "HTTP/2"
                  : head.version() == HttpVersion::kHttp10 ? "HTTP/1.0"
                                                           : "HTTP/1.1",
      .status = status_,
      .request_bytes = was_upgraded() ? tunnel_->client_bytes() : request_.bytes_in(),
      .response_bytes = was_upgraded() ? tunnel_->backend_bytes() : response_bytes_,
      .duration = duration,
      .upstream_duration = std::chrono::microseconds(upstream_us_),
      .upstream_address = upstream_label_,
      .cluster = cluster_name_,
      .route = route_name_,
      .rule = rule_name_,
      .request_id = request_id_,
      .num_tries = tries_.num,
      .no_retry = policy::to_string(tries_.no_retry),
      .why = why_,
      .why_detail = why_detail_,
      .labels = &labels_,
  };
  if (!filters_.is_empty()) filters_.run_log(record, *this);
  if (services_.access_log != nullptr) services_.access_log->write(services_.worker_index, record);
}

// An exchange that waits in the pool holds no bodies, and nothing that filters have put into it.
void Exchange::forget() {
  tries_.forget();
  tunnel_.reset();
  if (grpc_.is_call) forget_grpc();
  filters_.clear();
  labels_.clear();
  request_.reset();
  kept_trailers_.reset();
  response_.reset();
  held_request_.clear();
  held_response_.clear();
}

}  // namespace ingress::proxy
