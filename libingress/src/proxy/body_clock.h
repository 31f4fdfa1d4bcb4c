// How long a client may let us wait for the next piece of a body: for a while, and not below its slowest rate
// (ListenerTimeouts::request_body_idle and body_rate_grace, ListenerLimits::min_body_rate).
//
// Owner: what reads the body. Thread: its worker's.
// The next piece has its limit, and all of them together have one that grows with what they bring: a client
// that sends a byte now and then would keep us for years. Counts from the first byte, since before it the
// client may wait for a "100 Continue" of the backend; and not while we do not read, which is not the
// client's doing.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "ingress/listener.h"

namespace ingress::proxy {

class BodyClock {
 public:
  using Milliseconds = std::chrono::milliseconds;

  // We begin to wait for more, having got `body_bytes`: for how long; 0 = without limit.
  Milliseconds start(Milliseconds now, std::uint64_t body_bytes, const Listener& listener) {
    stop(now);
    const ListenerTimeouts& timeouts = listener.timeouts;
    const std::uint32_t rate = listener.limits.min_body_rate;
    since_ = now;
    is_running_ = body_bytes > 0;
    is_rate_due_ = false;
    if (rate == 0 || !is_running_) return timeouts.request_body_idle;
    const Milliseconds earned(static_cast<std::int64_t>(body_bytes * 1000 / rate));
    const Milliseconds left = std::max(timeouts.body_rate_grace + earned - waited_, Milliseconds(1));
    is_rate_due_ = left < timeouts.request_body_idle;
    return std::min(left, timeouts.request_body_idle);
  }
  // We do not wait, or something came.
  void stop(Milliseconds now) {
    if (is_running_) waited_ += now - since_;
    is_running_ = false;
  }
  // Whether the limit that start() gave is the rate's.
  bool is_rate_due() const { return is_rate_due_; }

 private:
  Milliseconds waited_{0}, since_{0};
  bool is_running_ = false;  // waiting, and the first byte has come
  bool is_rate_due_ = false;
};

}  // namespace ingress::proxy
