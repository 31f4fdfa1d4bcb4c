// How many requests may be sent to the API server now: a rate with a burst.
#pragma once

#include <algorithm>
#include <chrono>

#include "proxyd/kube/kube_clock.h"

namespace proxyd {

class TokenBucket {
 public:
  TokenBucket(double per_second, double burst) : per_second_(per_second), burst_(burst), tokens_(burst) {}

  bool take(KubeClock::Time now) {
    refill(now);
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }
  // Until the next one; at least a millisecond.
  std::chrono::milliseconds wait(KubeClock::Time now) {
    refill(now);
    const double seconds = std::max(0.0, (1 - tokens_) / per_second_);
    return std::chrono::milliseconds(static_cast<int>(seconds * 1000) + 1);
  }

 private:
  void refill(KubeClock::Time now) {
    const std::chrono::duration<double> passed = now - last_;
    if (last_ != KubeClock::Time{}) tokens_ = std::min(burst_, tokens_ + passed.count() * per_second_);
    last_ = now;
  }

  double per_second_, burst_, tokens_;
  KubeClock::Time last_{};
};

}  // namespace proxyd
