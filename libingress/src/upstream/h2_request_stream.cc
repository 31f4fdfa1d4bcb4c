#include "upstream/h2_request_stream.h"

#include <algorithm>
#include <utility>

namespace ingress::upstream {
namespace {

// Who has heard nothing from the backend for so long sends no other request on the connection.
constexpr std::chrono::milliseconds kSilence{1'000};

Error to_error(http::H2Close how, bool has_head) {
  if (has_head) {
    const char* const what = how.is_ours ? "malformed_body" : "reset_in_body";
    return {ErrorCode::kResponseTruncated, ErrorSide::kUpstream, RetrySafety::kNotSafe, what, {}};
  }
  // The connection was as good as closed, or is full: nothing is known of the endpoint.
  if (how.is_unprocessed)
    return {ErrorCode::kStaleConnection, ErrorSide::kUpstream, RetrySafety::kSafe, "not_processed", {}};
  return {ErrorCode::kUpstreamReset, ErrorSide::kUpstream, RetrySafety::kIfIdempotent, "stream_reset", {}};
}

}  // namespace

H2RequestStream::H2RequestStream(H2ClientConn& conn)
    : conn_(conn), is_reused_(conn.num_begun_ > 0 || conn.opened_ == Opened::kAhead) {}

void H2RequestStream::begin(UpstreamEvents& events, std::string_view, const ClusterLimits&) {
  events_ = &events;
}

void H2RequestStream::send_head(const RequestHead& head, http::BodyFraming framing) {
  reads_before_ = conn_.num_reads_;
  writes_before_ = conn_.num_writes_;
  begun_at_ = conn_.now();
  is_begun_ = conn_.state_ == H2ClientConn::State::kOpen &&
              conn_.session().begin(*this, head, conn_.scheme(), framing);
  if (is_begun_) {
    ++conn_.num_begun_;
    return;
  }
  // A GOAWAY came between; not told from inside this call. `this` is freed by a later call of that kind.
  conn_.loop_.defer([this] {
    fail({ErrorCode::kStaleConnection, ErrorSide::kUpstream, RetrySafety::kSafe, "not_processed", {}});
  });
}

void H2RequestStream::send_body(base::Chain&& piece) {
  if (!is_begun_) return piece.clear();
  conn_.session().send_body(*this, std::move(piece));
}

void H2RequestStream::send_end(const Headers& trailers) {
  if (is_begun_) conn_.session().send_end(*this, trailers);
}

void H2RequestStream::reset() {
  events_ = nullptr;
  abandon(http::H2Code::kCancel);
}

void H2RequestStream::resume_response() {
  is_paused_ = false;
  if (unconsumed_bytes_ == 0 || !is_begun_) return;
  conn_.session().consume_stream(*this, std::exchange(unconsumed_bytes_, 0));
  conn_.want_write();
}

void H2RequestStream::abandon(http::H2Code code) {
  if (!std::exchange(is_begun_, false)) return;
  if (!is_closed()) conn_.session().abandon(*this, code);
  conn_.want_write();
}

void H2RequestStream::destroy() {
  events_ = nullptr;
  const bool is_silent =
      is_begun_ && !is_ended_ && conn_.now() - std::max(begun_at_, conn_.last_read_at_) >= kSilence;
  // A response that is complete is taken, whatever was still to be said (RFC 9113 8.1).
  abandon(is_ended_ ? http::H2Code::kNoError : http::H2Code::kCancel);
  net::EventLoop& loop = conn_.loop_;
  // Where connections are counted, what else runs on it would keep its place for it alone.
  if (is_silent && !(conn_.has_permit() && conn_.streams_.size() > 1)) conn_.retire();
  conn_.forget(*this);
  loop.defer([this] { delete this; });
}

void H2RequestStream::on_interim() {
  has_answer_ = true;
  conn_.note_news(*this);
  if (events_ != nullptr) events_->on_response_interim(head());
}

void H2RequestStream::on_response(std::expected<http::BodyFraming, Error> framing) {
  has_answer_ = true;
  if (!framing) return fail(std::move(framing.error()));
  has_head_ = true;
  conn_.note_news(*this);
  if (events_ != nullptr) events_->on_response_head(head(), *framing);
}

void H2RequestStream::on_body(base::Slice piece) {
  const std::size_t size = piece.view().size();
  conn_.session().consume_connection(size);
  if (events_ == nullptr) return;
  conn_.note_news(*this);
  piece_.append(std::move(piece));
  events_->on_response_body(std::move(piece_));
  piece_.clear();
  if (!is_begun_) return;  // gone with it
  if (is_paused_) {
    unconsumed_bytes_ += size;
  } else {
    conn_.session().consume_stream(*this, size);
  }
}

void H2RequestStream::on_response_end(const Headers& trailers) {
  is_ended_ = true;
  conn_.note_news(*this);
  if (events_ != nullptr) events_->on_response_end(trailers);
}

void H2RequestStream::on_closed(http::H2Close how) {
  is_begun_ = false;
  if (!is_ended_) fail(to_error(how, has_head_));
}

void H2RequestStream::on_read_done() {
  has_news_ = false;
  if (events_ != nullptr) events_->on_response_read_done();
}

void H2RequestStream::on_drained() {
  if (events_ != nullptr && !is_ended_) events_->on_upstream_drained();
}

// As H1ClientConn::closed_early(): a connection that was used before and ends before anything came since the
// request was most likely closed for idleness while that was on its way.
void H2RequestStream::on_connection_failed(const Error& error) {
  if (is_ended_) return;
  const bool was_written = has_written();
  is_begun_ = false;
  if (has_head_) return fail(to_error({.code = 0}, true));
  if (error.code != ErrorCode::kUpstreamReset) return fail(error);
  const bool is_stale = is_reused_ && !has_answer_ && conn_.num_reads_ == reads_before_;
  fail({is_stale ? ErrorCode::kStaleConnection : ErrorCode::kUpstreamReset,
        ErrorSide::kUpstream,
        was_written ? RetrySafety::kIfIdempotent : RetrySafety::kSafe,
        error.what,
        {}});
}

void H2RequestStream::fail(Error error) {
  error.side = ErrorSide::kUpstream;
  if (events_ != nullptr) std::exchange(events_, nullptr)->on_upstream_failed(std::move(error));
}

}  // namespace ingress::upstream
