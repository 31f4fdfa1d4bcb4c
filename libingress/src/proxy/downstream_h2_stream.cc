#include "proxy/downstream_h2_stream.h"

#include <utility>

#include "proxy/downstream_h2.h"
#include "proxy/listener_state.h"
#include "proxy/request_checks.h"

namespace ingress::proxy {

DownstreamH2Stream::DownstreamH2Stream()
    : read_timer_([](void* self) { static_cast<DownstreamH2Stream*>(self)->on_read_timeout(); }, this),
      write_timer_([](void* self) { static_cast<DownstreamH2Stream*>(self)->on_write_timeout(); }, this) {}

DownstreamH2Stream::~DownstreamH2Stream() = default;

void DownstreamH2Stream::begin(DownstreamH2& connection) {
  connection_ = &connection;
  has_news = is_unsettled = false;
  taken_ = 0;
  body_bytes_ = sent_before_ = sent_at_read_ = 0;
  clock_ = {};
  reading_ = Reading::kOn;
  expects_continue_ = is_exchange_over_ = is_websocket_ = is_tunnel_ = is_tunnel_time_over_ = false;
}

bool DownstreamH2Stream::rest() {
  piece_.clear();
  early_.clear();
  read_timer_.cancel();
  write_timer_.cancel();
  return exchange_ == nullptr;
}

void DownstreamH2Stream::on_request(std::expected<http::BodyFraming, Error> framing) {
  exchange_ = connection_->host().take_exchange();
  framing = check_request(std::move(framing));
  if (!framing) return exchange_->refuse(*this, request_start({}, false), std::move(framing.error()));
  const bool has_body = framing->kind == http::BodyKind::kChunked || framing->length > 0;
  exchange_->start(*this, request_start(*framing, expects_continue_ && has_body));
  // What comes on the stream of a WebSocket is no body.
  if (is_websocket_ && is_served()) exchange_->on_request_end(no_trailers());
  connection_->note_news(*this);
}

std::expected<http::BodyFraming, Error> DownstreamH2Stream::check_request(
    std::expected<http::BodyFraming, Error> framing) {
  if (!framing) return framing;
  const auto expects_continue = proxy::check_request(head(), *framing, connection_->listener().settings);
  if (!expects_continue) return std::unexpected(expects_continue.error());
  expects_continue_ = *expects_continue;
  if (reader().protocol().empty()) return framing;
  if (!begin_websocket())
    return std::unexpected(downstream_error(ErrorCode::kMethodNotSupported, "connect_protocol"));
  return http::BodyFraming{};
}

RequestStart DownstreamH2Stream::request_start(http::BodyFraming framing, bool expects_continue) {
  const ListenerState& listener = connection_->listener();
  return {.head = head(),
          .framing = framing,
          .expects_continue = expects_continue,
          .client = connection_->transport().peer(),
          .listener_port = listener.port,
          .listener = listener.settings,
          .trusted_proxies = listener.trusted_proxies.get(),
          .secure = connection_->transport().secure(),
          .raw_method = reader().raw_method(),
          .raw_path = reader().raw_path()};
}

void DownstreamH2Stream::on_body(base::Slice piece) {
  const std::size_t size = piece.size();
  connection_->session().consume_connection(size);
  taken_ += size;
  if (!is_served()) return;  // refused, or answered early: until the client hears of it
  if (is_websocket_) {
    // Copied: a byte of it must not hold the block that it was read into.
    if (!is_tunnel_) return early_.append_copy(piece.view(), connection_->host().services().loop.buffers());
    piece_.append(std::move(piece));
    exchange_->on_tunnel_bytes(std::exchange(piece_, {}));
    return connection_->note_news(*this);
  }
  body_bytes_ += size;
  const std::uint64_t limit = connection_->listener().settings.limits.body_bytes;
  if (limit != 0 && body_bytes_ > limit)
    return exchange_->on_request_failed(downstream_error(ErrorCode::kBodyTooLarge, "body_too_large"));
  piece_.append(std::move(piece));
  exchange_->on_request_body(std::move(piece_));
  piece_.clear();
  connection_->note_news(*this);
}

void DownstreamH2Stream::on_request_end(const Headers& trailers) {
  if (!is_served()) return;
  connection_->note_news(*this);
  if (!is_websocket_) return exchange_->on_request_end(trailers);
  if (is_tunnel_) exchange_->on_tunnel_end();
}

void DownstreamH2Stream::on_closed() {
  connection_->note_unsettled(*this);
}

void DownstreamH2Stream::on_read_done() {
  if (is_closed()) return;  // before any of it has left
  if (is_tunnel_) {
    pass_early_bytes();
  } else if (is_served()) {
    exchange_->on_request_read_done();
  }
  if (reading_ == Reading::kOn) open_window();
  watch_reading();
}

void DownstreamH2Stream::on_drained() {
  if (is_served()) exchange_->on_client_drained();
  if (queued_bytes() == 0) write_timer_.cancel();
}

bool DownstreamH2Stream::settle() {
  if (is_closed() && is_served()) {
    exchange_->on_client_gone(downstream_error(ErrorCode::kClientGone, "stream_reset"));
  }
  if (exchange_ && is_exchange_over_)
    connection_->host().put_back_exchange(std::exchange(exchange_, nullptr));
  watch_reading();
  return !is_closed();
}

void DownstreamH2Stream::on_connection_gone(const char* why) {
  if (is_served()) exchange_->on_client_gone(downstream_error(ErrorCode::kClientGone, why));
  if (exchange_) connection_->host().put_back_exchange(std::exchange(exchange_, nullptr));
  read_timer_.cancel();
  write_timer_.cancel();
}

void DownstreamH2Stream::cut() {
  connection_->session().reset(*this, http::H2Code::kCancel);
  if (is_served()) exchange_->on_client_gone(downstream_error(ErrorCode::kClientGone, "closed"));
  connection_->want_write(0);
}

void DownstreamH2Stream::drain_tunnel() {
  is_tunnel_time_over_ = true;
  if (is_tunnel_ && is_served()) exchange_->on_tunnel_drain();
}

void DownstreamH2Stream::send_interim(const ResponseHead& head) {
  connection_->session().send_interim(*this, head);
}

void DownstreamH2Stream::send_head(const ResponseHead& head, http::BodyFraming framing,
                                   std::int64_t kept_length) {
  if (is_websocket_ && head.status() / 100 == 2) {
    // For an extended CONNECT it would mean that the tunnel is there (RFC 8441 5).
    ResponseHead refused;
    refused.set_status(502);
    return connection_->session().send_head(*this, refused, framing, kept_length);
  }
  connection_->session().send_head(*this, head, framing, kept_length);
}

void DownstreamH2Stream::send_body(base::Chain&& piece) {
  connection_->session().send_body(*this, std::move(piece));
}

void DownstreamH2Stream::send_end(const Headers& trailers) {
  connection_->session().send_end(*this, trailers);
  if (is_tunnel_) connection_->want_write(0);  // nobody flushes behind it
}

std::size_t DownstreamH2Stream::flush() {
  connection_->want_write(queued_bytes());
  if (queued_bytes() > 0 && !write_timer_.is_set()) watch_writing();
  return queued_bytes();
}

const net::PeerAddress& DownstreamH2Stream::local_address() const {
  return connection_->transport().local();
}

void DownstreamH2Stream::set_reading(Reading reading) {
  if (std::exchange(reading_, reading) == reading) return;
  if (reading == Reading::kOn) open_window();
  watch_reading();
}

// The client may send as much again as has been taken from it.
void DownstreamH2Stream::open_window() {
  if (taken_ == 0) return;
  connection_->session().consume_stream(*this, std::exchange(taken_, 0));
  connection_->want_write(0);
}

void DownstreamH2Stream::finish(Finish how) {
  is_exchange_over_ = true;
  if (is_tunnel_ && !is_request_ended()) how = Finish::kCut;  // nobody is there to read the rest
  if (how == Finish::kCut) connection_->session().reset(*this, http::H2Code::kInternalError);
  connection_->note_unsettled(*this);
}

void DownstreamH2Stream::watch_reading() {
  if (is_request_ended() && !read_timer_.is_set()) return;  // mostly: there was nothing to wait for
  const auto now = connection_->timers().now();
  if (!is_served() || is_websocket_ || is_request_ended() || reading_ == Reading::kPaused) {
    clock_.stop(now);
    return read_timer_.cancel();
  }
  const Listener& settings = connection_->listener().settings;
  // A call is no body that somebody may send too slowly: who waits for the other side sends nothing.
  const bool is_call = exchange_->is_call();
  const auto limit = is_call ? settings.timeouts.request_body_idle : clock_.start(now, body_bytes_, settings);
  sent_at_read_ = sent_bytes();
  if (limit.count() > 0) read_timer_.set(connection_->timers(), limit);
}

void DownstreamH2Stream::on_read_timeout() {
  if (!is_served()) return;
  if (exchange_->is_call() && sent_bytes() > sent_at_read_) return watch_reading();
  exchange_->on_request_failed(
      downstream_error(ErrorCode::kRequestTimeout, clock_.is_rate_due() ? "body_rate" : "body"));
}

void DownstreamH2Stream::watch_writing() {
  const auto limit = connection_->listener().settings.timeouts.write_idle;
  if (limit.count() == 0 || is_tunnel_) return;  // a tunnel has a limit of its own for both directions
  sent_before_ = sent_bytes();
  write_timer_.set(connection_->timers(), limit);
}

void DownstreamH2Stream::on_write_timeout() {
  if (queued_bytes() == 0) return;
  if (sent_bytes() > sent_before_) return watch_writing();  // it reads, if slowly
  connection_->session().reset(*this, http::H2Code::kCancel);
  if (is_served()) exchange_->on_client_gone(downstream_error(ErrorCode::kClientGone, "write_idle"));
  connection_->want_write(0);
}

}  // namespace ingress::proxy
