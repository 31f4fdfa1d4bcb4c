// How slow an endpoint is: believes a slow answer at once and forgets it with time (peak EWMA, as Finagle's
// balancer of that name), so that one that begins to stall is left alone after its first slow answer.
#pragma once

#include <chrono>

namespace ingress::upstream {

class LatencyAverage {
 public:
  // After that time without an answer, a third of it is left: who was slow is tried again.
  static constexpr std::chrono::milliseconds kDecay{10'000};
  // What an attempt that failed counts at least. Fast failures must not look like fast answers.
  static constexpr std::chrono::microseconds kFailure{1'000'000};

  void add(std::chrono::microseconds sample, std::chrono::milliseconds now);
  // In microseconds; 0 when nothing is known.
  double at(std::chrono::milliseconds now) const;
  bool is_known() const { return is_known_; }

 private:
  double average_us_ = 0;
  std::chrono::milliseconds updated_{0};
  bool is_known_ = false;
};

}  // namespace ingress::upstream
