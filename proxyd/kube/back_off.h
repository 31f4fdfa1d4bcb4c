// How long to wait before a failed request to the API server is tried again: doubling from 0.1 s up to 3 s,
// each time between half of it and all of it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "proxyd/kube/kube_clock.h"

namespace proxyd {

class BackOff {
 public:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::milliseconds kMost{3000};
  // A server may ask for more time (Retry-After), but not for all of it.
  static constexpr std::chrono::seconds kMostAsked{30};

  std::chrono::milliseconds next(KubeClock& clock, std::optional<std::chrono::seconds> asked = {}) {
    const auto most = std::min(kMost, kFirst * (1 << std::min(num_failures_, 5U)));
    ++num_failures_;
    const auto half = most / 2;
    const auto jitter = std::chrono::milliseconds(
        static_cast<std::chrono::milliseconds::rep>(clock.random() * static_cast<double>(half.count())));
    const auto wait = half + jitter;
    if (!asked) return wait;
    return std::max<std::chrono::milliseconds>(wait, std::min(*asked, kMostAsked));
  }
  void reset() { num_failures_ = 0; }
  unsigned num_failures() const { return num_failures_; }

 private:
  unsigned num_failures_ = 0;
};

}  // namespace proxyd
