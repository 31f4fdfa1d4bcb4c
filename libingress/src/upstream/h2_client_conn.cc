#include "upstream/h2_client_conn.h"

#include <algorithm>

#include "upstream/age_jitter.h"
#include "upstream/h2_pool.h"
#include "upstream/h2_request_stream.h"

namespace ingress::upstream {
namespace {

// In the transport's queue: beyond, what is to be sent waits in the streams, each under its own limit.
constexpr std::size_t kMaxQueuedBytes = 64 * 1024;
constexpr std::size_t kWriteBytes = 64 * 1024;

http::H2ClientLimits limits_of(const ClusterLimits& limits, const BackendHttp2& http2) {
  return {.head = {.head_bytes = limits.response_head_bytes,
                   .max_headers = limits.max_response_headers,
                   .request_line_bytes = limits.response_head_bytes},
          .max_streams = http2.max_streams,
          .max_interim_responses = limits.max_interim_responses,
          .stream_window_bytes = http2.stream_window_bytes,
          .connection_window_bytes = http2.connection_window_bytes};
}

Error lost(const char* what) {
  return {ErrorCode::kUpstreamReset, ErrorSide::kUpstream, RetrySafety::kIfIdempotent, what, {}};
}

}  // namespace

H2ClientConn::H2ClientConn(net::EventLoop& loop, net::TransportPtr transport, const ClusterLimits& limits,
                           const BackendHttp2& http2, std::uint32_t max_at_first, Opened opened)
    : loop_(loop),
      transport_(std::move(transport)),
      session_(*this, loop.buffers(), limits_of(limits, http2)),
      idle_timer_([](void* self) { static_cast<H2ClientConn*>(self)->retire(); }, this),
      opened_at_(loop.timers().now()),
      max_at_first_(max_at_first),
      age_jitter_(age_jitter_of(this)),
      opened_(opened) {
  transport_->start(this);
  want_write();  // the preface
}

bool H2ClientConn::has_room() const {
  std::uint32_t max = session_.max_streams();
  if (!session_.has_settings()) max = std::min(max, max_at_first_);
  return state_ == State::kOpen && std::max<std::size_t>(streams_.size(), session_.num_streams()) < max;
}

ClientStreamPtr H2ClientConn::open_stream() {
  if (!has_room()) return nullptr;
  idle_timer_.cancel();
  if (streams_.empty()) permit_.note_idle(false);
  ClientStreamPtr stream(new H2RequestStream(*this));
  auto* const made = static_cast<H2RequestStream*>(stream.get());
  made->list_index_ = streams_.size();
  streams_.push_back(made);
  return stream;
}

std::chrono::milliseconds H2ClientConn::idle_time(const ClusterLimits& limits,
                                                  const ClusterTimeouts& timeouts) const {
  const std::uint32_t max_requests = limits.max_requests_per_connection;
  if (max_requests != 0 && num_begun_ >= max_requests) return std::chrono::milliseconds(0);
  std::chrono::milliseconds time = timeouts.idle_connection;
  if (const std::chrono::milliseconds life = timeouts.max_connection_duration; life.count() != 0)
    time = std::min(time, opened_at_ + life - life * age_jitter_ / 2560 - loop_.timers().now());
  return time;
}

void H2ClientConn::retire() {
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->remove(*this);
  free_if_unused();
}

void H2ClientConn::forget(H2RequestStream& stream) {
  std::ranges::replace(news_, &stream, nullptr);
  const std::size_t index = stream.list_index_;
  std::swap(streams_[index], streams_.back());
  streams_[index]->list_index_ = index;
  streams_.pop_back();
  if (!streams_.empty()) return;
  if (pool_ != nullptr && state_ == State::kOpen) permit_.note_idle(true);
  free_if_unused();
}

void H2ClientConn::free_if_unused() {
  if (pool_ != nullptr || !streams_.empty() || is_in_turn_ || std::exchange(is_freed_, true)) return;
  if (state_ == State::kOpen) {
    session_.send_goaway();
    write();
  }
  close();
  if (draining_) --*draining_;
  loop_.defer([this] { delete this; });
}

void H2ClientConn::close() {
  if (std::exchange(state_, State::kClosed) == State::kClosed) return;
  idle_timer_.cancel();
  transport_->close();
  permit_.reset();
}

void H2ClientConn::fail_streams(const Error& error) {
  if (state_ == State::kClosed) return;
  close();
  if (pool_ != nullptr) std::exchange(pool_, nullptr)->remove(*this);
  // Each takes itself out of the list as its owner gives it up, now or later.
  const std::vector<H2RequestStream*> streams = streams_;
  for (H2RequestStream* stream : streams) stream->on_connection_failed(error);
  free_if_unused();
}

void H2ClientConn::note_news(H2RequestStream& stream) {
  if (std::exchange(stream.has_news_, true)) return;
  news_.push_back(&stream);
}

void H2ClientConn::want_write() {
  if (state_ != State::kOpen || is_in_turn_ || std::exchange(is_turn_wanted_, true)) return;
  loop_.defer([this] { turn(); });
}

// Everything that waits to be told or written, until there is nothing of it. What it calls may give up every
// stream, but `this` is freed after the current callback only.
void H2ClientConn::turn() {
  if (is_in_turn_ || state_ != State::kOpen) return;
  is_in_turn_ = true;
  is_turn_wanted_ = false;
  do {
    tell_news();
    if (state_ != State::kOpen) break;
    write();
    tell_drained();
  } while (!drained_.empty() && state_ == State::kOpen);
  is_in_turn_ = false;
  if (state_ != State::kOpen || !session_.is_over()) return free_if_unused();
  fail_streams(
      session_.is_flooded()
          ? Error{ErrorCode::kBadResponse, ErrorSide::kUpstream, RetrySafety::kNotSafe, "http2_flood", {}}
          : lost("http2_error"));
}

void H2ClientConn::tell_news() {
  for (std::size_t i = 0; i < news_.size(); ++i) {
    if (news_[i] != nullptr) news_[i]->on_read_done();
  }
  news_.clear();
}

void H2ClientConn::tell_drained() {
  session_.take_drained(drained_);
  for (http::H2ClientStream* stream : drained_) static_cast<H2RequestStream*>(stream)->on_drained();
}

void H2ClientConn::write() {
  while (transport_->queued_bytes() < kMaxQueuedBytes) {
    base::Chain out;
    session_.collect(out, kWriteBytes);
    if (out.is_empty() || state_ != State::kOpen) break;
    ++num_writes_;
    transport_->write(std::move(out));
  }
}

void H2ClientConn::on_read(base::Slice bytes) {
  ++num_reads_;
  last_read_at_ = now();
  is_in_turn_ = true;
  const bool is_http2 = session_.feed(bytes);
  if (!is_http2) tell_news();  // of what was read before
  is_in_turn_ = false;
  if (!is_http2) {
    const char* const what = session_.has_settings() ? "http2_error" : "not_http2";
    return fail_streams({ErrorCode::kBadResponse, ErrorSide::kUpstream, RetrySafety::kNotSafe, what, {}});
  }
  turn();
}

// Nothing can be acknowledged any more, and no window opened: whatever is under way is lost.
void H2ClientConn::on_read_end() {
  fail_streams(lost("closed_before_head"));
}

void H2ClientConn::on_drained() {
  turn();
}

void H2ClientConn::on_broken(Error error) {
  fail_streams(error.code == ErrorCode::kUpstreamTls ? error : lost(error.what));
}

void H2ClientConn::on_settings() {
  if (pool_ != nullptr) pool_->known_max_streams = session_.peer_max_streams();
}

// What it leaves out is told as unprocessed; the others end as if nothing had happened.
void H2ClientConn::on_goaway() {
  retire();
}

}  // namespace ingress::upstream
