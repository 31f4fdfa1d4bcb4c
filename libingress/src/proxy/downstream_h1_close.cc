// How a client's connection goes on after an exchange, waits, and ends.
#include <algorithm>
#include <utility>

#include "proxy/downstream_h1.h"
#include "proxy/listener_state.h"

namespace ingress::proxy {

void DownstreamH1::end_exchange() {
  host_.put_back_exchange(std::move(exchange_));
  is_exchange_over_ = false;
  has_news_ = false;
  if (state_ == State::kClosed) return give_back_message();
  if (finish_ == Finish::kCut) {
    // The client must not take what it got for the whole (RFC 9112 8).
    transport_->reset();
    return close_now();
  }
  if (!is_keep_alive_ || !is_request_ended_ || is_read_ended_ || host_.is_closing(listener_)) {
    return close_gracefully();
  }
  await_next_request();
}

void DownstreamH1::give_back_message() {
  std::unique_ptr<H1Message> message = std::exchange(message_, nullptr);
  if (!message) return;
  message->reset();
  host_.put_back_message(std::move(message));
}

void DownstreamH1::await_next_request() {
  state_ = State::kIdle;
  set_reading(Reading::kOn);
  give_back_message();
  transport_->resume(net::PauseReason::kBusy);
}

// Closing a socket with unread bytes makes the kernel send a reset, which can destroy the answer on its way
// to the client; so our half is closed first and what still comes is discarded for a while (RFC 9112 9.6).
void DownstreamH1::close_gracefully() {
  if (is_read_ended_ && transport_->queued_bytes() == 0) return close_now();
  state_ = State::kLinger;
  input_ = {};
  give_back_message();
  transport_->shutdown_write();
  set_reading(Reading::kOn);
  transport_->resume(net::PauseReason::kBusy);
  const bool is_watched = write_watch_ && write_watch_->timer.is_set();
  if (transport_->queued_bytes() > 0 && !is_watched) watch_writing();  // it was a tunnel
}

void DownstreamH1::drain() {
  is_draining_ = true;
  if (state_ == State::kIdle && !is_first_) close_gracefully();
  if (state_ != State::kClosed && !is_processing_) watch_reading();
}

void DownstreamH1::drain_tunnel() {
  is_tunnel_time_over_ = true;
  if (state_ == State::kTunnel && !is_exchange_over_) exchange_->on_tunnel_drain();
}

void DownstreamH1::cut_exchanges() {
  if (state_ != State::kTunnel) close_now();
}

void DownstreamH1::close_now() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  input_ = {};
  read_timer_.cancel();
  unwatch_writing();
  if (exchange_) {
    if (!is_exchange_over_) {
      exchange_->on_client_gone(
          {ErrorCode::kClientGone, ErrorSide::kDownstream, RetrySafety::kNotSafe, "closed", {}});
    }
    // Closing alone would tell a client that reads until the end that it has everything.
    if (finish_ == Finish::kCut) transport_->reset();
    if (!is_processing_) end_exchange();
  } else {
    give_back_message();
  }
  transport_->close();
  host_.on_connection_closed(*this);
}

// The one owner of the client's time limits for sending.
void DownstreamH1::watch_reading() {
  const ListenerTimeouts& timeouts = listener_.settings.timeouts;
  const net::TimerWheel& timers = host_.services().loop.timers();
  if (read_wait_ == ReadWait::kBody && message_) message_->body_clock.stop(timers.now());
  switch (state_) {
    case State::kIdle:
      // A fresh connection owes its first request as soon as a head; later ones may rest.
      if (is_first_ && is_draining_) return wait_for(ReadWait::kNextRequest, kFirstRequestGrace);
      if (is_first_) return wait_for(ReadWait::kNextRequest, timeouts.request_head);
      return wait_for(ReadWait::kNextRequest, timeouts.keep_alive_idle);
    case State::kHead:
      if (read_wait_ != ReadWait::kHead) wait_for(ReadWait::kHead, timeouts.request_head);
      return;
    case State::kExchange:
      if (is_request_ended_ || reading_ == Reading::kPaused || is_exchange_over_) {
        return wait_for(ReadWait::kNothing, {});
      }
      return wait_for(ReadWait::kBody, message_->body_clock.start(
                                           timers.now(), message_->decoder.body_bytes(), listener_.settings));
    case State::kTunnel:
      return wait_for(ReadWait::kNothing, {});
    case State::kLinger:
      if (read_wait_ != ReadWait::kLinger) wait_for(ReadWait::kLinger, kLingerTime);
      return;
    case State::kClosed:
      return;
  }
}

void DownstreamH1::wait_for(ReadWait waiting, std::chrono::milliseconds limit) {
  read_wait_ = waiting;
  if (waiting == ReadWait::kNothing || limit.count() == 0) return read_timer_.cancel();
  read_timer_.set(host_.services().loop.timers(), limit);
}

void DownstreamH1::on_read_timeout() {
  switch (std::exchange(read_wait_, ReadWait::kNothing)) {
    case ReadWait::kNothing:
      return;
    case ReadWait::kNextRequest:
      return close_gracefully(), watch_reading();
    case ReadWait::kHead:
      if (!message_->parser.has_started()) return close_gracefully(), watch_reading();
      return refuse({ErrorCode::kRequestTimeout, ErrorSide::kDownstream, RetrySafety::kNotSafe, "head", {}});
    case ReadWait::kBody:
      is_keep_alive_ = false;
      return exchange_->on_request_failed({ErrorCode::kRequestTimeout,
                                           ErrorSide::kDownstream,
                                           RetrySafety::kNotSafe,
                                           message_->body_clock.is_rate_due() ? "body_rate" : "body",
                                           {}});
    case ReadWait::kLinger:
      // With an answer still unread the write limit decides.
      if (transport_->queued_bytes() == 0) close_now();
      return;
  }
}

void DownstreamH1::watch_writing() {
  const auto limit = listener_.settings.timeouts.write_idle;
  if (state_ == State::kTunnel) return;
  if (limit.count() == 0) return;
  if (!write_watch_) write_watch_ = std::make_unique<WriteWatch>(this);
  write_watch_->queued_before = transport_->queued_bytes();
  write_watch_->timer.set(host_.services().loop.timers(), limit);
}

void DownstreamH1::unwatch_writing() {
  if (write_watch_) write_watch_->timer.cancel();
}

void DownstreamH1::on_write_timeout() {
  if (transport_->queued_bytes() < write_watch_->queued_before)
    return watch_writing();  // it reads, if slowly
  if (exchange_ && !is_exchange_over_) {
    exchange_->on_client_gone(
        {ErrorCode::kClientGone, ErrorSide::kDownstream, RetrySafety::kNotSafe, "write_idle", {}});
  }
  transport_->reset();
  close_now();
}

}  // namespace ingress::proxy
