#include "upstream/latency_average.h"

#include <algorithm>
#include <cmath>

namespace ingress::upstream {

void LatencyAverage::add(std::chrono::microseconds sample, std::chrono::milliseconds now) {
  average_us_ = std::max(static_cast<double>(sample.count()), at(now));
  updated_ = now;
  is_known_ = true;
}

double LatencyAverage::at(std::chrono::milliseconds now) const {
  if (now <= updated_) return average_us_;
  return average_us_ *
         std::exp(-static_cast<double>((now - updated_).count()) / static_cast<double>(kDecay.count()));
}

}  // namespace ingress::upstream
