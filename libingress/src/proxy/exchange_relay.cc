// Bodies in both directions, with backpressure.
#include <utility>

#include "proxy/exchange.h"

namespace ingress::proxy {

void Exchange::pump_request() {
  if (is_request_sent_ || phase_ < Phase::kSendRequest || phase_ == Phase::kDone) return;
  base::Chain& out = held_request_;
  if (!request_.is_out_ended()) {
    const policy::StageResult result =
        mirrors_.empty() ? request_.pull(filters_, *this, out, services_.loop.buffers()) : pull_mirrored(out);
    if (result != policy::StageResult::kPassed) {
      take_stage_result(result, request_);
      return;
    }
  }
  // What a filter adds to a request without a body would be read as the next request.
  if (start_->framing.kind == http::BodyKind::kNone) out.clear();
  has_sent_body_ = has_sent_body_ || !out.is_empty();
  if (tries_.replay != Replay::kOff) keep_for_retry(out);
  conn_->send_body(std::move(out));
  held_request_.clear();  // that is `out`; nothing of it is left, whatever the connection took
  if (request_.is_out_ended()) {
    conn_->send_end(request_.trailers());
    is_request_sent_ = true;
    if (phase_ == Phase::kSendRequest) {
      phase_ = Phase::kAwaitResponse;
      start_try_clock();
    }
  }
  conn_->flush();
  compact_kept();
  if (!is_request_sent_) {
    const bool is_backend_slow = conn_->queued_bytes() >= BodyPipe::kHoldBytes;
    stream_->set_reading(is_backend_slow ? Reading::kPaused : Reading::kOn);
  }
  watch_upstream();
}

// Filters may have changed the method or the status: whether a body follows is decided by what the client
// asked for and is told (RFC 9112 6.3), or it would take one for its next answer.
void Exchange::commit(http::BodyFraming framing) {
  if (tunnel_) return begin_tunnel();
  phase_ = Phase::kRelay;
  if (response_head_->status() < 200 || response_head_->status() > 599) response_head_->set_status(500);
  status_ = response_head_->status();
  const bool may_have_body = !is_head_request_ && status_ != 204 && status_ != 304;
  has_answer_body_ = may_have_body && response_framing_.kind != http::BodyKind::kNone;
  if (may_have_body && framing.kind == http::BodyKind::kNone) {
    framing.kind = http::BodyKind::kLength;
  } else if (!may_have_body) {
    if (framing.kind == http::BodyKind::kLength) kept_length_ = static_cast<std::int64_t>(framing.length);
    // The answer to a HEAD has no body, but may not claim an empty one either (RFC 9110 9.3.2).
    const bool is_unknown = is_head_request_ && kept_length_ < 0;
    framing = {is_unknown ? http::BodyKind::kUntilClose : http::BodyKind::kNone, 0};
  }
  if (wants_hsts()) tell_hsts(*response_head_);
  if (grpc_.is_call) note_grpc_head(framing);
  stream_->send_head(*response_head_, framing, kept_length_);
  is_response_paused_ = false;
  unpin();
}

void Exchange::pump_response() {
  base::Chain& out = held_response_;
  if (!response_.is_out_ended()) {
    const policy::StageResult result = response_.pull(filters_, *this, out, services_.loop.buffers());
    if (result != policy::StageResult::kPassed) {
      take_stage_result(result, response_);
      return;
    }
  }
  if (!has_answer_body_) out.clear();
  response_bytes_ += out.size_bytes();
  stream_->send_body(std::move(out));
  held_response_.clear();
  if (response_.is_out_ended()) {
    if (grpc_.is_call) note_grpc_status(response_.trailers());
    stream_->send_end(response_.trailers());
    end(Finish::kComplete);
    return;
  }
  if (stream_->flush() >= BodyPipe::kHoldBytes) {
    is_response_paused_ = true;
    conn_->pause_response();
  }
}

void Exchange::on_client_drained() {
  if (phase_ == Phase::kTunnel) return tunnel_->on_client_drained();
  if (!conn_ || !is_response_paused_) return;
  is_response_paused_ = false;
  conn_->resume_response();
  waiting_ = Waiting::kNothing;
  watch_upstream();
}

void Exchange::on_client_gone(Error error) {
  if (phase_ == Phase::kDone || phase_ == Phase::kIdle) return;
  if (phase_ == Phase::kTunnel) return end_tunnel(TunnelEnd::kClientReset);
  note_why(ErrorCode::kClientGone, error.what);
  if (status_ == 0) status_ = 499;
  end(Finish::kCut);
}

}  // namespace ingress::proxy
