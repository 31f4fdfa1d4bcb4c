#include "upstream/h1_client_conn.h"

#include <algorithm>
#include <utility>

#include "http/h1_writer.h"
#include "http/upgrade.h"
#include "upstream/age_jitter.h"
#include "upstream/conn_pool.h"

namespace ingress::upstream {

using std::literals::operator""sv;

namespace {

http::HeadLimits head_limits(const ClusterLimits& limits) {
  return {.head_bytes = limits.response_head_bytes,
          .max_headers = limits.max_response_headers,
          .request_line_bytes = limits.response_head_bytes};
}

// A 204 with a body to come (RFC 9110 8.6 and RFC 9112 6.1 forbid both fields). It ends with its head, but
// who announces the body may send it, when the next response is due.
bool announces_a_body_for_204(const ResponseHead& head) {
  return head.status() == 204 && (head.headers().has(HeaderId::kTransferEncoding) ||
                                  http::content_length(head.headers()).value_or(0) > 0);
}

}  // namespace

H1ClientConn::H1ClientConn(net::EventLoop& loop, net::TransportPtr transport, const ClusterLimits& limits,
                           Opened opened)
    : loop_(loop),
      transport_(std::move(transport)),
      idle_timer_([](void* self) { static_cast<H1ClientConn*>(self)->leave_pool(); }, this),
      parser_(head_limits(limits)),
      opened_at_(loop.timers().now()),
      age_jitter_(age_jitter_of(this)),
      opened_(opened) {
  transport_->start(this);
}

void H1ClientConn::begin(UpstreamEvents& events, std::string_view method, const ClusterLimits& limits) {
  events_ = &events;
  is_head_request_ = method == "HEAD";
  parser_.set_limits(head_limits(limits));
  max_interim_ = limits.max_interim_responses;
  num_interim_ = 0;
  written_before_ = transport_->written_bytes();
  ++num_exchanges_;
  state_ = State::kAwaitHead;
  request_ = Request::kNone;
  offered_ = {};
}

void H1ClientConn::send_head(const RequestHead& head, http::BodyFraming framing) {
  request_framing_ = framing;
  request_ = Request::kBody;
  http::write_request_head(
      out_, loop_.buffers(), head, framing,
      offered_.empty() ? http::ConnectionHeader::kNone : http::ConnectionHeader::kUpgrade);
}

void H1ClientConn::send_body(base::Chain&& piece) {
  if (request_ != Request::kBody) return;
  if (request_framing_.kind == http::BodyKind::kChunked) {
    http::write_chunk(out_, loop_.buffers(), std::move(piece));
  } else {
    out_.append(std::move(piece));
  }
}

void H1ClientConn::send_end(const Headers& trailers) {
  if (request_ != Request::kBody) return;
  request_ = Request::kEnded;
  if (request_framing_.kind == http::BodyKind::kChunked) {
    http::write_last_chunk(out_, loop_.buffers(), trailers);
  }
  if (state_ != State::kTunnel) return;
  flush();
  transport_->shutdown_write();
}

void H1ClientConn::reset() {
  state_ = State::kClosed;
  events_ = nullptr;
  transport_->reset();
}

void H1ClientConn::flush() {
  if (out_.is_empty() || state_ == State::kClosed) return;
  transport_->write(std::move(out_));
  out_.clear();
}

void H1ClientConn::pause_response() {
  may_have_unread_ = true;
  transport_->pause(net::PauseReason::kPeerSlow);
}

void H1ClientConn::resume_response() {
  transport_->resume(net::PauseReason::kPeerSlow);
}

std::chrono::milliseconds H1ClientConn::idle_time(const ClusterLimits& limits,
                                                  const ClusterTimeouts& timeouts) const {
  const std::uint32_t max_requests = limits.max_requests_per_connection;
  if (max_requests != 0 && num_exchanges_ >= max_requests) return std::chrono::milliseconds(0);
  std::chrono::milliseconds time = timeouts.idle_connection;
  if (const std::chrono::milliseconds life = timeouts.max_connection_duration; life.count() != 0) {
    time = std::min(time, opened_at_ + life - life * age_jitter_ / 2560 - loop_.timers().now());
  }
  if (backend_idle_limit_ != kNoLimit) time = std::min(time, backend_idle_limit_ - kIdleMargin);
  return time;
}

void H1ClientConn::begin_idle(ConnPool& pool, std::chrono::milliseconds timeout) {
  pool_ = &pool;
  permit_.note_idle(true);
  end_message();
  state_ = State::kIdle;
  request_ = Request::kNone;
  idle_timer_.set(loop_.timers(), timeout);
}

void H1ClientConn::end_message() {
  events_ = nullptr;
  parser_.reset();
}

void H1ClientConn::end_idle() {
  pool_ = nullptr;
  permit_.note_idle(false);
  idle_timer_.cancel();
}

void H1ClientConn::destroy() {
  state_ = State::kClosed;
  events_ = nullptr;
  idle_timer_.cancel();
  // An unfinished message must not look complete to the backend (RFC 9112 8): the socket is closed with
  // its request cut, which is what "no last chunk, fewer bytes than Content-Length" says.
  transport_->close();
  permit_.reset();
  loop_.defer([this] { delete this; });
}

void H1ClientConn::leave_pool() {
  if (pool_ != nullptr) pool_->drop(this);
}

void H1ClientConn::on_read(base::Slice bytes) {
  const UpstreamEvents* told = state_ == State::kIdle || state_ == State::kEnded ? nullptr : events_;
  may_have_unread_ = false;
  take(std::move(bytes));
  // A failure has taken `events_` away; then there is nothing more to say.
  if (told != nullptr && events_ == told) events_->on_response_read_done();
}

void H1ClientConn::take(base::Slice bytes) {
  while (!bytes.is_empty()) {
    switch (state_) {
      case State::kAwaitHead:
        if (!take_head(bytes)) return;
        break;
      case State::kBody:
        if (!take_body(bytes)) return;
        break;
      case State::kTunnel:
        piece_.append(std::exchange(bytes, {}));
        events_->on_response_body(std::move(piece_));
        piece_.clear();
        return;
      case State::kIdle:
        // A backend that talks without being asked cannot be trusted with the next request.
        leave_pool();
        return;
      case State::kEnded:
        can_reuse_ = false;
        return;
      case State::kClosed:
        return;
    }
  }
}

bool H1ClientConn::take_head(base::Slice& bytes) {
  const auto fed = parser_.feed(bytes.view());
  if (!fed) {
    fail(fed.error());
    return false;
  }
  bytes.drop_front(fed->consumed);
  if (!fed->is_complete) return true;
  return accept_head(bytes.is_empty());
}

bool H1ClientConn::accept_head(bool is_last_of_read) {
  ResponseHead& head = parser_.head();
  if (head.status() == 101) return accept_upgrade();
  // Also of an interim response, which has no body: a backend that says so in two ways may send one.
  const auto framing = http::response_framing(head, is_head_request_ ? "HEAD"sv : ""sv);
  if (!framing) {
    fail(framing.error());
    return false;
  }
  if (head.status() < 200) {
    if (++num_interim_ > max_interim_) {
      fail({ErrorCode::kBadResponse, ErrorSide::kUpstream, RetrySafety::kNotSafe, "too_many_interim", {}});
      return false;
    }
    events_->on_response_interim(head);
    if (state_ != State::kAwaitHead) return false;
    parser_.reset();
    return true;
  }
  can_reuse_ = can_reuse_ && framing->kind != http::BodyKind::kUntilClose &&
               !announces_a_body_for_204(head) && http::is_keep_alive(head.headers(), head.version());
  const auto idle_limit = http::keep_alive_timeout(head.headers());
  backend_idle_limit_ = idle_limit ? std::chrono::milliseconds(*idle_limit) : kNoLimit;
  decoder_.start(*framing, ErrorCode::kBadResponse, 0);
  state_ = State::kBody;
  events_->on_response_head(head, *framing);
  if (state_ != State::kBody) return false;
  if (framing->kind == http::BodyKind::kNone ||
      (framing->kind == http::BodyKind::kLength && framing->length == 0)) {
    // Told before the exchange hears of the end: it may pool this connection and take it at once.
    if (!is_last_of_read) can_reuse_ = false;
    end_response();
    return false;
  }
  return true;
}

// Only what was asked for: a client that did not ask would take the bytes behind for its answers. A backend
// that agrees before it can have read the request has not understood it.
bool H1ClientConn::accept_upgrade() {
  const bool is_asked = !offered_.empty() && request_ == Request::kEnded && queued_bytes() == 0;
  if (!is_asked || http::accepted_upgrade(parser_.head(), offered_).empty()) {
    fail({ErrorCode::kBadResponse,
          ErrorSide::kUpstream,
          RetrySafety::kNotSafe,
          is_asked ? "bad_101" : "unexpected_101",
          {}});
    return false;
  }
  can_reuse_ = false;
  state_ = State::kTunnel;
  request_ = Request::kBody;
  request_framing_ = {http::BodyKind::kUntilClose, 0};
  decoder_.start(request_framing_, ErrorCode::kBadResponse, 0);  // for its trailers, which are none
  events_->on_response_head(parser_.head(), request_framing_);
  return state_ == State::kTunnel;
}

bool H1ClientConn::take_body(base::Slice& bytes) {
  const auto step = decoder_.next(bytes.view());
  if (!step) {
    fail(step.error());
    return false;
  }
  if (step->piece_size > 0) {
    piece_.append(bytes.sub(step->piece_offset, step->piece_size));
    events_->on_response_body(std::move(piece_));
    piece_.clear();
    if (state_ != State::kBody) return false;
  }
  bytes.drop_front(step->consumed);
  if (!step->is_end) return step->consumed > 0;
  if (!bytes.is_empty()) can_reuse_ = false;
  end_response();
  return false;
}

void H1ClientConn::end_response() {
  state_ = State::kEnded;
  events_->on_response_end(decoder_.trailers());
}

void H1ClientConn::on_read_end() {
  switch (state_) {
    case State::kIdle:
      leave_pool();
      return;
    case State::kAwaitHead:
      fail(closed_early("closed_before_head"));
      return;
    case State::kBody:
      can_reuse_ = false;
      if (decoder_.end_of_input()) {
        end_response();
        if (events_ != nullptr) events_->on_response_read_done();
      } else {
        fail({ErrorCode::kResponseTruncated,
              ErrorSide::kUpstream,
              RetrySafety::kNotSafe,
              "closed_in_body",
              {}});
      }
      return;
    case State::kTunnel:
      events_->on_response_end(decoder_.trailers());
      if (events_ != nullptr) events_->on_response_read_done();
      return;
    case State::kEnded:
      can_reuse_ = false;
      return;
    case State::kClosed:
      return;
  }
}

void H1ClientConn::on_drained() {
  if (events_ != nullptr && state_ != State::kEnded) events_->on_upstream_drained();
}

void H1ClientConn::on_broken(Error error) {
  switch (state_) {
    case State::kIdle:
      leave_pool();
      return;
    case State::kAwaitHead:
      // A client certificate that was refused, which TLS 1.3 tells after the handshake.
      fail(error.code == ErrorCode::kUpstreamTls ? std::move(error) : closed_early(error.what));
      return;
    case State::kBody:
      fail({ErrorCode::kResponseTruncated, ErrorSide::kUpstream, RetrySafety::kNotSafe, "reset_in_body", {}});
      return;
    case State::kTunnel:
      fail({ErrorCode::kUpstreamReset, ErrorSide::kUpstream, RetrySafety::kNotSafe, "tunnel", {}});
      return;
    case State::kEnded:
      can_reuse_ = false;
      return;
    case State::kClosed:
      return;
  }
}

// A reused connection that ends before any byte of the response is most likely one that the backend
// closed for idleness while our request was on its way (RFC 9112 9.3.1).
Error H1ClientConn::closed_early(const char* what) const {
  const bool is_stale = is_reused() && !parser_.has_started() && num_interim_ == 0;
  return {is_stale ? ErrorCode::kStaleConnection : ErrorCode::kUpstreamReset,
          ErrorSide::kUpstream,
          has_written() ? RetrySafety::kIfIdempotent : RetrySafety::kSafe,
          what,
          {}};
}

void H1ClientConn::fail(Error error) {
  state_ = State::kClosed;
  can_reuse_ = false;
  error.side = ErrorSide::kUpstream;
  if (events_ != nullptr) std::exchange(events_, nullptr)->on_upstream_failed(std::move(error));
}

}  // namespace ingress::upstream
