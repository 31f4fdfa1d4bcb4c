// Tells when nothing has happened for a while, at the price of a store each time that something does.
//
// Owner: what it watches. Thread: its loop's.
// Always true: fires no earlier than `limit` after the last touch(), and at most a tick later.
#pragma once

#include <chrono>

#include "net/timer_wheel.h"

namespace ingress::net {

class IdleTimer {
 public:
  using OnIdle = void (*)(void* owner);
  IdleTimer(TimerWheel& wheel, OnIdle on_idle, void* owner)
      : wheel_(wheel),
        on_idle_(on_idle),
        owner_(owner),
        timer_([](void* self) { static_cast<IdleTimer*>(self)->check(); }, this) {}

  // From now on; a limit that is set anew counts from the last touch().
  void start(std::chrono::milliseconds limit) {
    touch();
    set_limit(limit);
  }
  void stop() { timer_.cancel(); }
  void touch() { last_ = wheel_.now(); }
  void set_limit(std::chrono::milliseconds limit) {
    limit_ = limit;
    arm();
  }

 private:
  void arm() {
    const std::chrono::milliseconds rest = last_ + limit_ - wheel_.now();
    timer_.set(wheel_, rest.count() > 0 ? rest : std::chrono::milliseconds(0));
  }
  void check() {
    if (wheel_.now() >= last_ + limit_) return on_idle_(owner_);  // last: it may go
    arm();
  }

  TimerWheel& wheel_;
  OnIdle on_idle_;
  void* owner_;
  std::chrono::milliseconds limit_{0}, last_{0};
  Timer timer_;
};

}  // namespace ingress::net
