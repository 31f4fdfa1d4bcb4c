// The story of an exchange: its phases, routing, filters on heads and held bodies.
#include "proxy/exchange.h"

#include <utility>

#include "http/hop_by_hop.h"
#include "http/upgrade.h"
#include "policy/forwarding_headers.h"
#include "proxy/resumer.h"

namespace ingress::proxy {

Exchange::Exchange(Services& services)
    : services_(services),
      tries_([](void* self) { static_cast<Exchange*>(self)->on_try_timeout(); },
             [](void* self) { static_cast<Exchange*>(self)->on_backend_timeout(); },
             [](void* self) { static_cast<Exchange*>(self)->begin_next_try(); }, this),
      deadline_([](void* self) { static_cast<Exchange*>(self)->on_deadline(); }, this),
      step_timer_([](void* self) { static_cast<Exchange*>(self)->on_step_timeout(); }, this) {}

Exchange::~Exchange() {
  drop_resumer();
}

void Exchange::prepare(DownstreamStream& stream, const RequestStart& start) {
  stream_ = &stream;
  start_.emplace(start);
  started_us_ = net::EventLoop::clock_us();
  is_suspended_ = has_sent_body_ = is_request_sent_ = has_sent_interim_ = false;
  is_response_paused_ = has_answer_body_ = is_mirrored_ = false;
  upgrade_ = {};
  is_head_request_ = start.head.method() == "HEAD";
  client_address_ = start.client.view();
  client_port_ = start.client.port;
  tries_.begin();
  upstream_started_us_ = upstream_us_ = kept_length_ = -1;
  status_ = 0;
  response_bytes_ = 0;
  response_head_ = nullptr;
  for (std::string* text :
       {&route_name_, &rule_name_, &cluster_name_, &why_, &why_detail_, &upstream_label_, &proxy_header_}) {
    text->clear();
  }
  policy::write_request_id(request_id_, services_.clusters.random().next(),
                           services_.clusters.random().next());
  services_.metrics.exchanges_open.add();
}

void Exchange::start(DownstreamStream& stream, const RequestStart& start) {
  prepare(stream, start);
  view_ = services_.views.pin_newest();
  filters_.begin(services_.filters);
  phase_ = Phase::kRoute;
  is_in_read_ = true;
  run();
}

void Exchange::refuse(DownstreamStream& stream, const RequestStart& start, Error error) {
  prepare(stream, start);
  phase_ = Phase::kRoute;
  fail(std::move(error));
}

void Exchange::on_request_read_done() {
  is_in_read_ = false;
  if (grpc_.web && !check_grpc_web()) return;
  if (conn_) pump_request();
  if (phase_ == Phase::kDone) return;
  const bool is_waiting = !conn_ && phase_ != Phase::kHoldRequest && !request_.is_in_ended();
  if (is_waiting && request_.is_full()) stream_->set_reading(Reading::kPaused);
  run();
  if (!conn_ && phase_ != Phase::kDone) request_.compact(services_.loop.buffers());
}

void Exchange::run() {
  if (is_running_) return;
  is_running_ = true;
  while (phase_ != Phase::kDone && !is_suspended_ && step() == Step::kGoOn) {
  }
  is_running_ = false;
}

Exchange::Step Exchange::step() {
  switch (phase_) {
    case Phase::kRoute:
      return route_request();
    case Phase::kRequestFilters:
      return filter_request();
    case Phase::kHoldRequest:
      return hold_request();
    case Phase::kPickUpstream:
      return pick_upstream();
    case Phase::kConnect:
      return open_connection();
    case Phase::kSendRequest:
      return send_request();
    case Phase::kResponseFilters:
      return filter_response();
    case Phase::kHoldResponse:
      return hold_response();
    case Phase::kRelay:
      pump_response();
      return Step::kWait;
    case Phase::kBackOff:
    case Phase::kAwaitResponse:
    case Phase::kTunnel:
    case Phase::kIdle:
    case Phase::kDone:
      return Step::kWait;
  }
  return Step::kWait;
}

Exchange::Step Exchange::route_request() {
  RequestHead& head = start_->head;
  upgrade_ = http::offered_upgrade(head, start_->framing);
  http::strip_hop_by_hop(head.headers());
  if (!upgrade_.empty()) put_back_offer();
  // RFC 9110 10.1.1: HTTP/1.0 expects nothing, nor does who has nothing to send.
  if (!start_->expects_continue) head.headers().remove(HeaderId::kExpect);
  set_client_facts();
  if (start_->secure != nullptr && !head.host().empty() && !may_come_this_way(head.host())) {
    fail({ErrorCode::kMisdirected, ErrorSide::kDownstream, RetrySafety::kNotSafe, "", {}});
    return Step::kWait;
  }
  // Behind the above: a rule must not hold for a field that the backend never sees.
  rule_ = view_ == nullptr ? nullptr : view_->snapshot().routes->match(head);
  if (rule_ == nullptr) {
    fail({ErrorCode::kNoRoute, ErrorSide::kSelf, RetrySafety::kNotSafe, "", {}});
    return Step::kWait;
  }
  if (rule_->value->plain_requests == PlainRequests::kRedirect && belongs_on_https()) {
    redirect_to_https();
    return Step::kWait;
  }
  const std::chrono::milliseconds limit = rule_->value->timeouts.request;
  if (limit.count() > 0) deadline_.set(services_.loop.timers(), limit);
  if (head.headers().has(HeaderId::kContentType) && !begin_grpc()) return Step::kWait;
  phase_ = Phase::kRequestFilters;
  return Step::kGoOn;
}

// Who asks, as far as we believe it, for the backend, filters and the log.
void Exchange::set_client_facts() {
  Headers& headers = start_->head.headers();
  const std::string_view peer = client_address_;
  policy::PeerTrust trust = policy::PeerTrust::kUntrusted;
  const policy::TrustedProxies* const trusted = std::exchange(start_->trusted_proxies, nullptr);
  if (trusted != nullptr && trusted->trusts_peer(peer)) {
    trust = policy::PeerTrust::kTrusted;
    client_address_ = trusted->find_client(headers, peer);
    if (client_address_.data() != peer.data()) client_port_ = 0;
    if (const std::string_view id = policy::find_request_id(headers); !id.empty()) request_id_ = id;
  }
  policy::set_forwarding_headers(headers, {.address = peer,
                                           .scheme = start_->secure != nullptr ? "https" : "http",
                                           .authority = start_->head.authority(),
                                           .listener_port = start_->listener_port,
                                           .request_id = request_id_,
                                           .trust = trust,
                                           .underscores = start_->listener.headers_with_underscores});
  if (view_ != nullptr && view_->snapshot().reserved_headers != nullptr) set_certificate_fields();
}

Exchange::Step Exchange::filter_request() {
  if (filters_.is_empty()) {
    phase_ = Phase::kPickUpstream;
    return Step::kGoOn;
  }
  const Step step = take_verdict(filters_.run_request(start_->head, *this), Phase::kHoldRequest);
  // What a filter must not decide: framing and hop-by-hop fields are ours.
  if (phase_ != Phase::kHoldRequest) return step;
  Headers& headers = start_->head.headers();
  // One that takes the offer away makes the request a plain one.
  if (!headers.has(HeaderId::kUpgrade)) upgrade_ = {};
  http::strip_hop_by_hop(headers);
  if (!upgrade_.empty()) put_back_offer();
  return step;
}

Exchange::Step Exchange::take_verdict(Verdict verdict, Phase next) {
  if (verdict.kind() != Verdict::Kind::kWait) drop_resumer();
  switch (verdict.kind()) {
    case Verdict::Kind::kNext:
      phase_ = next;
      return Step::kGoOn;
    case Verdict::Kind::kReply:
      answer(verdict.get_reply());
      return Step::kWait;
    case Verdict::Kind::kWait:
      break;
  }
  // Without a handle that somebody holds, nobody can ever resume.
  if (!resumer_ || (resumer_.use_count() == 1 && !resumer_->early)) {
    fail({ErrorCode::kFilterFailed, ErrorSide::kSelf, RetrySafety::kNotSafe, "wait_without_resumer", {}});
    return Step::kWait;
  }
  if (resumer_->early) {  // resumed before it said wait
    Verdict early = std::move(*std::exchange(resumer_->early, std::nullopt));
    drop_resumer();
    // The filter that waited is done; the same phase goes on with those behind it.
    return early.kind() == Verdict::Kind::kNext ? Step::kGoOn : take_verdict(std::move(early), next);
  }
  is_suspended_ = true;
  return Step::kWait;
}

// Only heads can be waited on; a handle made later could wake who uses this object next.
Resumer Exchange::suspend() {
  if (phase_ != Phase::kRequestFilters && phase_ != Phase::kResponseFilters) return {};
  if (!resumer_) {
    resumer_ = std::make_shared<Resumer::Target>();
    resumer_->exchange = this;
  }
  return Resumer(resumer_);
}

// Handles that are still around do nothing from now on.
void Exchange::drop_resumer() {
  if (!resumer_) return;
  resumer_->exchange = nullptr;
  resumer_.reset();
}

void Exchange::resume(Verdict verdict) {
  if (!is_suspended_) {
    if (resumer_) resumer_->early = std::move(verdict);
    return;
  }
  is_suspended_ = false;
  drop_resumer();
  if (verdict.kind() == Verdict::Kind::kReply) {
    answer(verdict.get_reply());
  } else if (verdict.kind() == Verdict::Kind::kWait) {
    fail({ErrorCode::kFilterFailed, ErrorSide::kSelf, RetrySafety::kNotSafe, "resumed_with_wait", {}});
  } else {
    if (conn_) conn_->resume_response();
    run();
    if (phase_ != Phase::kDone) watch_upstream();
  }
}

Exchange::Step Exchange::hold_request() {
  const policy::BodyInterest& interest = filters_.interest(policy::Direction::kRequest);
  if (!interest.is_wanted() || interest.mode == BodyMode::kStream ||
      start_->framing.kind == http::BodyKind::kNone) {
    phase_ = Phase::kPickUpstream;
    return Step::kGoOn;
  }
  if (start_->expects_continue) {
    // The filter needs the body before there is a backend that could ask for it (RFC 9110 10.1.1).
    start_->expects_continue = false;
    start_->head.headers().remove(HeaderId::kExpect);
    ResponseHead go_on;
    go_on.set_status(100);
    stream_->send_interim(go_on);
    stream_->flush();
  }
  const policy::StageResult result = request_.pull(filters_, *this, held_request_, services_.loop.buffers());
  if (result != policy::StageResult::kPassed) return take_stage_result(result, request_);
  if (!request_.is_out_ended()) {
    stream_->set_reading(Reading::kOn);  // it was paused while a filter waited
    return Step::kWait;
  }
  phase_ = Phase::kPickUpstream;
  return Step::kGoOn;
}

Exchange::Step Exchange::filter_response() {
  if (filters_.is_empty()) {
    commit(response_framing_);
    return Step::kGoOn;
  }
  const Step step = take_verdict(filters_.run_response(*response_head_, *this), Phase::kHoldResponse);
  if (phase_ == Phase::kHoldResponse) http::strip_hop_by_hop(response_head_->headers());
  if (is_suspended_ && conn_) conn_->pause_response();
  return step;
}

Exchange::Step Exchange::hold_response() {
  const policy::BodyInterest& interest = filters_.interest(policy::Direction::kResponse);
  const bool has_body = response_framing_.kind != http::BodyKind::kNone;
  if (!interest.is_wanted()) {
    commit(response_framing_);
    return Step::kGoOn;
  }
  if (!has_body || interest.mode == BodyMode::kStream) {
    kept_length_ = -1;  // the length would be another
    commit(has_body ? http::BodyFraming{http::BodyKind::kChunked, 0} : response_framing_);
    return Step::kGoOn;
  }
  const policy::StageResult result =
      response_.pull(filters_, *this, held_response_, services_.loop.buffers());
  if (result != policy::StageResult::kPassed) return take_stage_result(result, response_);
  if (!response_.is_out_ended()) return Step::kWait;
  commit({http::BodyKind::kLength, held_response_.size_bytes()});
  return Step::kGoOn;
}

Exchange::Step Exchange::take_stage_result(policy::StageResult result, BodyPipe& pipe) {
  if (result == policy::StageResult::kRefused) {
    const std::unique_ptr<Reply> reply = pipe.take_reply();
    if (phase_ == Phase::kRelay) {
      cut({ErrorCode::kFilterFailed, ErrorSide::kSelf, RetrySafety::kNotSafe, "reply_after_head", {}});
    } else {
      answer(*reply);
    }
    return Step::kWait;
  }
  if (result == policy::StageResult::kFailed) {
    fail({ErrorCode::kFilterFailed, ErrorSide::kSelf, RetrySafety::kNotSafe, "wait_in_body", {}});
    return Step::kWait;
  }
  const bool is_request = &pipe == &request_;
  fail({is_request ? ErrorCode::kBodyTooLarge : ErrorCode::kBadResponse,
        is_request ? ErrorSide::kDownstream : ErrorSide::kUpstream,
        RetrySafety::kNotSafe,
        "filter_cap",
        {}});
  return Step::kWait;
}

}  // namespace ingress::proxy
