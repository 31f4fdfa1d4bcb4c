#include "proxy/downstream_h2.h"

#include <algorithm>
#include <utility>

#include "proxy/h2_stream_pool.h"
#include "proxy/listener_state.h"
#include "proxy/parse_options.h"

namespace ingress::proxy {

namespace {

http::H2Limits h2_limits(const Listener& listener) {
  return {.head = head_limits(listener.limits),
          .paths = path_options(listener.paths),
          .max_streams = listener.http2.max_streams,
          .stream_window_bytes = listener.http2.stream_window_bytes,
          .connection_window_bytes = listener.http2.connection_window_bytes};
}

}  // namespace

DownstreamH2::DownstreamH2(DownstreamHost& host, ListenerState& listener, net::TransportPtr transport,
                           base::Chain read)
    : DownstreamConnection(listener),
      host_(host),
      transport_(std::move(transport)),
      input_(std::move(read)),
      session_(*this, host.services().loop.buffers(), h2_limits(listener.settings)),
      read_timer_([](void* self) { static_cast<DownstreamH2*>(self)->on_read_timeout(); }, this),
      write_timer_([](void* self) { static_cast<DownstreamH2*>(self)->on_write_timeout(); }, this),
      goaway_timer_([](void* self) { static_cast<DownstreamH2*>(self)->end_goaway(); }, this) {
  transport_->set_handler(this);
}

DownstreamH2::~DownstreamH2() = default;

void DownstreamH2::start() {
  host_.services().metrics.http2.connections.add();
  while (!input_.is_empty() && state_ == State::kOpen) on_read(input_.take_front());
  if (state_ == State::kOpen) turn();  // our SETTINGS
}

std::chrono::milliseconds DownstreamH2::now() const {
  return host_.services().loop.now();
}

void DownstreamH2::on_read(base::Slice bytes) {
  if (state_ != State::kOpen) return;  // discarded
  session_.set_limits(h2_limits(listener_.settings));
  if (listener_.settings.http2.mode == Http2Mode::kOff) drain();
  is_in_turn_ = true;
  const bool is_understood = session_.feed(bytes);
  is_in_turn_ = false;
  if (!is_understood) {
    if (session_.is_flooded()) host_.services().metrics.http2.floods.add();
    return close_now();
  }
  turn();
}

// Everything that waits to be told or written, until there is nothing of it.
void DownstreamH2::turn() {
  if (is_in_turn_ || state_ != State::kOpen) return;
  is_in_turn_ = true;
  is_turn_wanted_ = false;
  do {
    for (std::size_t i = 0; i < news_.size(); ++i) {
      news_[i]->has_news = false;
      news_[i]->on_read_done();
    }
    news_.clear();
    settle();
    write();
    session_.take_drained(drained_);
    for (http::H2ServerStream* stream : drained_) static_cast<DownstreamH2Stream*>(stream)->on_drained();
  } while (!drained_.empty() || !unsettled_.empty());
  is_in_turn_ = false;
  end_if_over();
  if (state_ == State::kOpen) watch();
}

void DownstreamH2::write() {
  while (transport_->queued_bytes() < kMaxQueuedBytes) {
    base::Chain out;
    session_.collect(out, kWriteBytes);
    if (out.is_empty()) break;
    transport_->write(std::move(out));
  }
  if (transport_->queued_bytes() > 0 && !write_timer_.is_set()) watch_writing();
}

void DownstreamH2::settle() {
  while (!unsettled_.empty()) {
    DownstreamH2Stream& stream = *unsettled_.back();
    unsettled_.pop_back();
    // Only then: what the stream notes of itself meanwhile is settled with the rest.
    const bool is_needed = stream.settle();
    stream.is_unsettled = false;
    if (!is_needed) forget(stream);
  }
}

void DownstreamH2::forget(DownstreamH2Stream& stream) {
  std::erase(news_, &stream);
  const std::size_t index = stream.list_index;
  if (index + 1 != streams_.size()) {
    std::swap(streams_[index], streams_.back());
    streams_[index]->list_index = index;
  }
  host_.h2_streams().put_back(std::move(streams_.back()));
  streams_.pop_back();
  if (host_.is_closing(listener_)) drain();
}

void DownstreamH2::want_write(std::size_t queued_bytes) {
  if (state_ != State::kOpen || is_in_turn_) return;
  // What many streams send in one turn of the loop leaves together, but a long body does not wait for it.
  if (queued_bytes >= BodyPipe::kHoldBytes) write();
  if (std::exchange(is_turn_wanted_, true)) return;
  host_.services().loop.defer([this] {
    if (is_turn_wanted_) turn();
  });
}

void DownstreamH2::note_news(DownstreamH2Stream& stream) {
  if (std::exchange(stream.has_news, true)) return;
  news_.push_back(&stream);
}

void DownstreamH2::note_unsettled(DownstreamH2Stream& stream) {
  if (std::exchange(stream.is_unsettled, true)) return;
  unsettled_.push_back(&stream);
  want_write(0);
}

http::H2ServerStream* DownstreamH2::on_stream() {
  is_first_ = false;
  host_.services().metrics.http2.streams.add();
  streams_.push_back(host_.h2_streams().take());
  streams_.back()->begin(*this);
  streams_.back()->list_index = streams_.size() - 1;
  if (is_tunnel_time_over_) streams_.back()->drain_tunnel();
  return streams_.back().get();
}

void DownstreamH2::on_ping_ack() {
  if (goaway_ == Goaway::kAnnounced) end_goaway();
}

void DownstreamH2::on_read_end() {
  is_read_ended_ = true;
  if (state_ == State::kLinger && transport_->queued_bytes() > 0) return;
  // Without a way to open windows or to acknowledge anything there is no going on, and what backends still do
  // for it is work for nobody.
  close_now();
}

void DownstreamH2::on_drained() {
  write_timer_.cancel();
  if (state_ != State::kLinger) return turn();
  if (is_read_ended_) return close_now();
  wait_for(ReadWait::kLinger, kLingerTime);
}

void DownstreamH2::on_broken(Error error) {
  for (const auto& stream : streams_) stream->on_connection_gone(error.what);
  close_now();
}

void DownstreamH2::drain() {
  if (goaway_ != Goaway::kNone || state_ != State::kOpen) return;
  goaway_ = Goaway::kAnnounced;
  session_.announce_goaway();
  want_write(0);
}

void DownstreamH2::on_goaway_announced() {
  if (goaway_ == Goaway::kAnnounced) goaway_timer_.set(timers(), kGoawayGrace);
}

// The client has had time to learn of it: what it sends from now on, it may send again elsewhere.
void DownstreamH2::end_goaway() {
  if (state_ != State::kOpen || goaway_ == Goaway::kSent) return;
  goaway_ = Goaway::kSent;
  goaway_timer_.cancel();
  session_.send_goaway();
  want_write(0);
}

void DownstreamH2::end_if_over() {
  const bool is_done = streams_.empty() && !session_.wants_write() && goaway_ == Goaway::kSent;
  if (!is_done && !session_.is_over()) return;
  if (session_.is_flooded()) host_.services().metrics.http2.floods.add();
  for (const auto& stream : streams_) stream->on_connection_gone("http2_error");
  settle();
  close_gracefully();
}

// Our half first: a reset could destroy the GOAWAY on its way (RFC 9113 5.4.1 leaves it to TCP).
void DownstreamH2::close_gracefully() {
  if (is_read_ended_ && transport_->queued_bytes() == 0) return close_now();
  state_ = State::kLinger;
  goaway_timer_.cancel();
  transport_->shutdown_write();
  if (transport_->queued_bytes() == 0) wait_for(ReadWait::kLinger, kLingerTime);
}

void DownstreamH2::drain_tunnel() {
  is_tunnel_time_over_ = true;
  for (const auto& stream : streams_) stream->drain_tunnel();
}

void DownstreamH2::cut_exchanges() {
  for (const auto& stream : streams_) {
    if (!stream->is_tunnel()) stream->cut();
  }
  const bool has_tunnel =
      std::ranges::any_of(streams_, [](const auto& stream) { return stream->is_tunnel(); });
  if (!has_tunnel) close_now();
}

void DownstreamH2::close_now() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  read_timer_.cancel();
  write_timer_.cancel();
  goaway_timer_.cancel();
  for (const auto& stream : streams_) stream->on_connection_gone("closed");
  settle();
  transport_->close();
  host_.on_connection_closed(*this);
}

// The one owner of the time limits for a client that sends no request, or not all of its head.
void DownstreamH2::watch() {
  const ListenerTimeouts& timeouts = listener_.settings.timeouts;
  if (session_.is_in_head()) return wait_for(ReadWait::kHead, timeouts.request_head);
  if (!streams_.empty()) return wait_for(ReadWait::kNothing, {});
  // A fresh connection owes its first request as soon as a head; later ones may rest.
  if (is_first_) return wait_for(ReadWait::kFirstRequest, timeouts.request_head);
  wait_for(ReadWait::kNextRequest, timeouts.keep_alive_idle);
}

void DownstreamH2::wait_for(ReadWait waiting, std::chrono::milliseconds limit) {
  if (waiting == read_wait_ && read_timer_.is_set()) return;
  read_wait_ = waiting;
  if (waiting == ReadWait::kNothing || limit.count() == 0) return read_timer_.cancel();
  read_timer_.set(timers(), limit);
}

void DownstreamH2::on_read_timeout() {
  switch (std::exchange(read_wait_, ReadWait::kNothing)) {
    case ReadWait::kNothing:
      return;
    case ReadWait::kFirstRequest:
    case ReadWait::kNextRequest:
      return drain();
    case ReadWait::kHead:
      session_.terminate(http::H2Code::kProtocolError);
      return turn();
    case ReadWait::kLinger:
      return close_now();
  }
}

void DownstreamH2::watch_writing() {
  const auto limit = listener_.settings.timeouts.write_idle;
  if (limit.count() == 0) return;
  written_before_ = transport_->written_bytes();
  write_timer_.set(timers(), limit);
}

void DownstreamH2::on_write_timeout() {
  if (transport_->written_bytes() > written_before_) return watch_writing();  // it reads, if slowly
  for (const auto& stream : streams_) stream->on_connection_gone("write_idle");
  transport_->reset();
  close_now();
}

}  // namespace ingress::proxy
