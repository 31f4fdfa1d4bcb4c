// Bodies in both directions, answers of our own, and how an exchange ends.
#include <ctime>
#include <utility>

#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "proxy/error_reply.h"
#include "proxy/exchange.h"

namespace ingress::proxy {

namespace {

const Headers& no_headers() {
  static const Headers none;
  return none;
}

// IMF-fixdate (RFC 9110 5.6.7), for answers that we make ourselves (6.6.1).
std::string_view http_date(char (&text)[32]) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  // The C locale's names: the library never calls setlocale, and a program that did would get its own.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int length = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                   (parts.tm_year + 1900) % 10000, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return {text, static_cast<std::size_t>(length)};
}

bool is_idempotent(std::string_view method) {  // RFC 9110 9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

}  // namespace

void Exchange::pump_request() {
  if (is_request_sent_ || phase_ < Phase::kSendRequest || phase_ == Phase::kDone) return;
  base::Chain& out = held_request_;
  if (!request_.is_out_ended()) {
    const policy::StageResult result = request_.pull(filters_, *this, out, services_.loop.buffers());
    if (result != policy::StageResult::kPassed) {
      take_stage_result(result, request_);
      return;
    }
  }
  // What a filter adds to a request without a body would be read as the next request.
  if (start_->framing.kind == http::BodyKind::kNone) out.clear();
  has_sent_body_ = has_sent_body_ || !out.is_empty();
  conn_->send_body(std::move(out));
  held_request_.clear();  // that is `out`; nothing of it is left, whatever the connection took
  if (request_.is_out_ended()) {
    conn_->send_end(request_.trailers());
    is_request_sent_ = true;
    if (phase_ == Phase::kSendRequest) phase_ = Phase::kAwaitResponse;
  }
  conn_->flush();
  if (!is_request_sent_) {
    const bool is_backend_slow = conn_->queued_bytes() >= BodyPipe::kHoldBytes;
    stream_->set_reading(is_backend_slow ? Reading::kPaused : Reading::kOn);
  }
  watch_upstream();
}

// Filters may have changed the method or the status: whether a body follows is decided by what the client
// asked for and is told (RFC 9112 6.3), or it would take one for its next answer.
void Exchange::commit(http::BodyFraming framing) {
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
  if (!conn_ || !is_response_paused_) return;
  is_response_paused_ = false;
  conn_->resume_response();
  waiting_ = Waiting::kNothing;
  watch_upstream();
}

void Exchange::on_client_gone(Error error) {
  if (phase_ == Phase::kDone || phase_ == Phase::kIdle) return;
  note_why(ErrorCode::kClientGone, error.what);
  if (status_ == 0) status_ = 499;
  end(Finish::kCut);
}

bool Exchange::can_retry(const Error& error) const {
  if (phase_ >= Phase::kRelay || error.retry != RetrySafety::kSafe || has_sent_body_) return false;
  if (num_attempts_ >= kMaxAttempts || cluster_ == nullptr) return false;
  if (error.code == ErrorCode::kConnectFailed) return true;
  return error.code == ErrorCode::kUpstreamReset && is_idempotent(start_->head.method());
}

void Exchange::fail(Error error) {
  if (phase_ == Phase::kDone || phase_ == Phase::kIdle) return;
  if (can_retry(error)) {
    services_.metrics.upstream_retries.add();
    // A stale pooled connection says nothing about its endpoint; a refused one does.
    if (error.code == ErrorCode::kConnectFailed) avoid_ = endpoint_;
    wants_fresh_conn_ = true;
    is_request_sent_ = false;
    release_upstream();
    phase_ = Phase::kPickUpstream;
    run();
    return;
  }
  if (phase_ >= Phase::kRelay) return cut(error);
  const ErrorRow* row = find_error_row(error.code);
  if (row == nullptr) row = find_error_row(ErrorCode::kFilterFailed);
  services_.metrics.replies_by_error[static_cast<std::size_t>(error.code)].add();
  note_why(error.code, error.what);
  answer(row->status, http::reason_phrase(row->status));
}

void Exchange::answer(const FixedReply& reply) {
  const bool is_no_route = reply.why == "no_route";
  services_.metrics
      .replies_by_error[static_cast<std::size_t>(is_no_route ? ErrorCode::kNoRoute : ErrorCode::kRouteFailed)]
      .add();
  why_ = reply.why.empty() ? "fixed_reply" : reply.why;
  answer(reply.status, http::reason_phrase(reply.status));
}

void Exchange::answer(std::uint16_t status, std::string_view text) {
  ResponseHead head;
  head.set_status(status);
  head.headers().add("Content-Type", "text/plain; charset=utf-8");
  std::string body(text);
  body += '\n';
  send_answer(head, body);
}

void Exchange::answer(const Reply& reply) {
  services_.metrics.filter_replies.add();
  why_ = reply.why.empty() ? "filter" : reply.why;
  ResponseHead head;
  head.set_status(reply.status >= 200 && reply.status <= 599 ? reply.status : 500);
  if (!reply.content_type.empty()) head.headers().add("Content-Type", reply.content_type);
  for (const auto& [name, value] : reply.headers) head.headers().add(name, value);
  http::strip_hop_by_hop(head.headers());
  send_answer(head, reply.body);
}

void Exchange::send_answer(ResponseHead& head, std::string_view body) {
  release_upstream();
  status_ = head.status();
  phase_ = Phase::kRelay;
  char date[32];
  if (!head.headers().has(HeaderId::kDate)) head.headers().add("Date", http_date(date));
  const bool has_no_body = status_ == 204 || status_ == 304;
  if (has_no_body || is_head_request_) {
    stream_->send_head(head, {http::BodyKind::kNone, 0},
                       has_no_body ? -1 : static_cast<std::int64_t>(body.size()));
  } else {
    stream_->send_head(head, {http::BodyKind::kLength, body.size()}, -1);
    base::Chain piece;
    for (std::string_view rest = body; !rest.empty();) {
      const std::string_view part = rest.substr(0, base::BufferPool::kLargeBytes);
      piece.append(services_.loop.buffers().copy(part));
      rest.remove_prefix(part.size());
    }
    response_bytes_ = body.size();
    stream_->send_body(std::move(piece));
  }
  stream_->send_end(no_headers());
  end(Finish::kComplete);
}

// After the head the status stands; all that is left is to make sure that the message does not look whole.
void Exchange::cut(const Error& error) {
  services_.metrics.replies_by_error[static_cast<std::size_t>(error.code)].add();
  note_why(error.code, error.what);
  end(Finish::kCut);
}

void Exchange::end(Finish how) {
  deadline_.cancel();
  drop_resumer();
  is_suspended_ = false;
  release_upstream();
  stream_->flush();
  unpin();
  phase_ = Phase::kDone;
  log();
  cluster_ = nullptr;
  avoid_ = {};
  forget();
  services_.metrics.exchanges_open.subtract();
  stream_->finish(how);
}

}  // namespace ingress::proxy
