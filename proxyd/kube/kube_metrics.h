// What of following an API server goes to the metrics page.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

#include "ingress/metrics.h"
#include "proxyd/kube/kube_counters.h"

namespace proxyd {

// Times from the first event of a change until every worker served it. Threads: any.
class AdoptionTimes {
 public:
  static constexpr std::array<double, 12> kBounds{0.05, 0.06, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  void add(std::chrono::duration<double> time);
  ingress::MetricSample sample() const;

 private:
  mutable std::mutex mutex_;
  std::array<std::uint64_t, kBounds.size()> counts_{};  // not cumulative
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

ingress::Metrics kube_metrics(const KubeCounters& counters, const AdoptionTimes& times);

}  // namespace proxyd
