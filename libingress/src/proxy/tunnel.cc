#include "proxy/tunnel.h"

#include <utility>

#include "ingress/message.h"
#include "proxy/body_pipe.h"

namespace ingress::proxy {
namespace {

const Headers& no_trailers() {
  static const Headers none;
  return none;
}

}  // namespace

std::string_view to_string(TunnelEnd end) {
  switch (end) {
    case TunnelEnd::kClientClosed:
      return "client_closed";
    case TunnelEnd::kBackendClosed:
      return "backend_closed";
    case TunnelEnd::kClientReset:
      return "client_reset";
    case TunnelEnd::kBackendReset:
      return "backend_reset";
    case TunnelEnd::kIdle:
      return "idle";
    case TunnelEnd::kDrain:
      return "drain";
  }
  return "";
}

void Tunnel::begin(std::chrono::milliseconds idle_limit) {
  is_begun_ = true;
  idle_limit_ = idle_limit;
  if (!held_.is_empty()) to_client(std::exchange(held_, {}));
  if (ends_ == Ends::kBackend) client_.send_end(no_trailers());
  if (idle_limit.count() == 0) return;
  note_activity();
  last_progress_ = progress();
  idle_timer_.set(services_.loop.timers(), idle_limit);
}

void Tunnel::on_client_bytes(base::Chain&& bytes) {
  note_activity();
  client_bytes_ += bytes.size_bytes();
  services_.metrics.tunnel_client_bytes.add(bytes.size_bytes());
  backend_.send_body(std::move(bytes));
  backend_.flush();
  if (backend_.queued_bytes() >= BodyPipe::kHoldBytes) client_.set_reading(Reading::kPaused);
}

void Tunnel::on_client_end() {
  if (ends_ != Ends::kNone && ends_ != Ends::kBackend) return;
  ends_ = ends_ == Ends::kNone ? Ends::kClient : Ends::kBackendFirst;
  note_activity();
  backend_.send_end(no_trailers());
}

void Tunnel::on_client_drained() {
  note_activity();
  backend_.resume_response();
}

void Tunnel::on_backend_bytes(base::Chain&& bytes) {
  note_activity();
  backend_bytes_ += bytes.size_bytes();
  services_.metrics.tunnel_backend_bytes.add(bytes.size_bytes());
  if (is_begun_) return to_client(std::move(bytes));
  held_.append(std::move(bytes));
}

void Tunnel::on_backend_end() {
  ends_ = ends_ == Ends::kNone ? Ends::kBackend : Ends::kClientFirst;
  note_activity();
  if (is_begun_) client_.send_end(no_trailers());
}

void Tunnel::on_backend_drained() {
  note_activity();
  client_.set_reading(Reading::kOn);
}

void Tunnel::to_client(base::Chain&& bytes) {
  client_.send_body(std::move(bytes));
  if (client_.flush() >= BodyPipe::kHoldBytes) backend_.pause_response();
}

bool Tunnel::is_over() const {
  return ends_ > Ends::kBackend && backend_.queued_bytes() == 0;
}

// Grows with every byte that is read and with every byte that is written.
std::uint64_t Tunnel::progress() {
  return 2 * (client_bytes_ + backend_bytes_) - backend_.queued_bytes() - client_.flush();
}

bool Tunnel::is_idle() {
  const std::chrono::milliseconds rest = last_active_ + idle_limit_ - services_.loop.timers().now();
  const std::uint64_t now = progress();
  // Who takes what waits for it, but not yet all, has told nobody.
  const bool has_moved = std::exchange(last_progress_, now) != now;
  if (rest.count() <= 0 && !has_moved) return true;
  if (rest.count() <= 0) note_activity();
  idle_timer_.set(services_.loop.timers(), rest.count() > 0 ? rest : idle_limit_);
  return false;
}

}  // namespace ingress::proxy
