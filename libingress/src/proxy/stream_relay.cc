#include "proxy/stream_relay.h"

namespace ingress::proxy {

StreamRelay::StreamRelay(net::EventLoop& loop, StreamCounters& counters, StreamRelayOwner& owner,
                         net::TransportPtr client, net::TransportPtr backend)
    : loop_(loop),
      owner_(owner),
      client_(*this, std::move(client), StreamEnd::kClientReset, counters.client_bytes),
      backend_(*this, std::move(backend), StreamEnd::kBackendReset, counters.backend_bytes),
      idle_timer_([](void* self) { static_cast<StreamRelay*>(self)->check_idle(); }, this) {
  client_.other = &backend_;
  backend_.other = &client_;
}

void StreamRelay::begin(base::Chain read, std::chrono::milliseconds idle_limit) {
  last_active_ = loop_.timers().now();
  idle_limit_ = idle_limit;
  backend_.stream->start(&backend_);
  client_.stream->set_handler(&client_);
  passing_ = std::move(read);
  client_.num_read = passing_.size_bytes();
  client_.counter.add(client_.num_read);
  if (!passing_.is_empty()) forward(client_);
  if (backend_.stream->queued_bytes() < kHoldBytes) client_.stream->resume(net::PauseReason::kPeerSlow);
  last_progress_ = progress();
  if (idle_limit.count() != 0) idle_timer_.set(loop_.timers(), idle_limit);
}

void StreamRelay::reset() {
  client_.stream->reset();
  backend_.stream->reset();
}

// What is in `passing_`.
void StreamRelay::forward(Side& from) {
  net::Transport& to = *from.other->stream;
  to.write(std::move(passing_));
  passing_.clear();
  if (to.queued_bytes() >= kHoldBytes) from.stream->pause(net::PauseReason::kPeerSlow);
}

void StreamRelay::Side::on_read(base::Slice bytes) {
  relay.last_active_ = relay.loop_.timers().now();
  num_read += bytes.size();
  counter.add(bytes.size());
  relay.passing_.append(std::move(bytes));
  relay.forward(*this);
}

void StreamRelay::Side::on_read_end() {
  relay.last_active_ = relay.loop_.timers().now();
  has_ended = true;
  other->stream->shutdown_write();
  relay.end_if_over();
}

void StreamRelay::Side::on_drained() {
  relay.last_active_ = relay.loop_.timers().now();
  other->stream->resume(net::PauseReason::kPeerSlow);
  relay.end_if_over();
}

// Who has ended its direction and takes no more either has said all; what it said may be on its way still.
void StreamRelay::Side::on_broken(Error error) {
  if (has_ended && other->stream->queued_bytes() > 0) {
    is_gone = true;
    return;
  }
  relay.end(has_ended && other->has_ended ? StreamEnd::kClosed : broken, error.what);
}

void StreamRelay::end_if_over() {
  const bool are_out = client_.stream->queued_bytes() == 0 && backend_.stream->queued_bytes() == 0;
  if (client_.is_gone && backend_.stream->queued_bytes() == 0) return end(StreamEnd::kClientReset, "");
  if (backend_.is_gone && client_.stream->queued_bytes() == 0) return end(StreamEnd::kBackendReset, "");
  if (client_.has_ended && backend_.has_ended && are_out) end(StreamEnd::kClosed, "");
}

void StreamRelay::end(StreamEnd end, const char* detail) {
  if (is_over_) return;
  is_over_ = true;
  idle_timer_.cancel();
  owner_.on_relay_over(end, detail);
}

// Grows with every byte that is read and with every byte that is written.
std::uint64_t StreamRelay::progress() const {
  return client_.num_read + backend_.num_read + client_.stream->written_bytes() +
         backend_.stream->written_bytes();
}

void StreamRelay::check_idle() {
  const std::chrono::milliseconds rest = last_active_ + idle_limit_ - loop_.timers().now();
  const std::uint64_t now = progress();
  // Who takes what waits for it, but not yet all, has told nobody.
  const bool has_moved = std::exchange(last_progress_, now) != now;
  if (rest.count() <= 0 && !has_moved) return end(StreamEnd::kIdle, "");
  if (rest.count() <= 0) last_active_ = loop_.timers().now();
  idle_timer_.set(loop_.timers(), rest.count() > 0 ? rest : idle_limit_);
}

}  // namespace ingress::proxy
