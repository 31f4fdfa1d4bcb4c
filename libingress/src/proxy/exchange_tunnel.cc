// Upgrades (RFC 9110 7.8): the client's offer on its way to the backend, the backend's 101, and the tunnel
// that is all that is left of the exchange then.
#include <chrono>
#include <utility>

#include "http/hop_by_hop.h"
#include "proxy/exchange.h"

namespace ingress::proxy {

// Behind strip_hop_by_hop(): the one thing about its connection that a client may ask of the backend. The
// Connection field that names it is written anew with the head.
void Exchange::put_back_offer() {
  start_->framing = {};  // "Content-Length: 0" is nothing either
  start_->head.headers().add_view("Upgrade", upgrade_, HeaderId::kUpgrade);
}

void Exchange::take_upgrade(ResponseHead& head) {
  tries_.try_timer.cancel();
  if (tries_.replay != Replay::kOff) tries_.stop_keeping();
  response_head_ = &head;
  response_framing_ = {};
  upgrade_ = *head.headers().get(HeaderId::kUpgrade);
  http::strip_hop_by_hop(head.headers());
  tunnel_ = std::make_unique<Tunnel>(
      services_, *stream_, *conn_,
      [](void* self) {
        auto* const exchange = static_cast<Exchange*>(self);
        if (exchange->tunnel_->is_idle()) exchange->end_tunnel(TunnelEnd::kIdle);
      },
      this);
  phase_ = Phase::kResponseFilters;
}

// The backend speaks the other protocol already: whatever filters have made of the status, this is a 101.
// Limits of requests and responses end here.
void Exchange::begin_tunnel() {
  phase_ = Phase::kTunnel;
  if (response_head_->status() != 101) response_head_->set_status(101);
  response_head_->headers().add_view("Upgrade", upgrade_, HeaderId::kUpgrade);
  status_ = 101;
  stream_->begin_tunnel(*response_head_);
  stream_->flush();
  deadline_.cancel();
  tries_.stop_timers();
  wait_for(Waiting::kNothing, {});
  const std::chrono::milliseconds idle_limit = rule_->value->timeouts.tunnel_idle;
  unpin();
  WorkerMetrics& metrics = services_.metrics;
  metrics.count_request(101, std::chrono::microseconds(net::EventLoop::clock_us() - started_us_));
  metrics.exchanges_open.subtract();
  metrics.tunnels_opened.add();
  metrics.tunnels_open.add();
  tunnel_->begin(idle_limit);
}

void Exchange::on_tunnel_bytes(base::Chain&& bytes) {
  tunnel_->on_client_bytes(std::move(bytes));
}

void Exchange::on_tunnel_end() {
  tunnel_->on_client_end();
  end_tunnel_if_over();
}

void Exchange::on_tunnel_drain() {
  end_tunnel(TunnelEnd::kDrain);
}

void Exchange::end_tunnel_if_over() {
  if (tunnel_->is_over()) end_tunnel(tunnel_->end());
}

// What did not end in order must not look so to either side: each may take an end for the end of all.
void Exchange::end_tunnel(TunnelEnd how) {
  const bool is_in_order = how == TunnelEnd::kClientClosed || how == TunnelEnd::kBackendClosed;
  why_ = "tunnel";
  why_detail_ = to_string(how);
  if (!is_in_order && conn_) conn_->reset();
  end(is_in_order ? Finish::kComplete : Finish::kCut);
}

}  // namespace ingress::proxy
