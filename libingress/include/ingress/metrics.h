// A reading of a server's counters, summed over its workers, in the Prometheus data model.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ingress {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

struct MetricSample {
  std::vector<std::pair<std::string, std::string>> labels = {};  // never chosen by a client
  double value = 0;
  // Histograms only: cumulative counts per upper bound (seconds), then value = sum, count = all.
  std::vector<std::pair<double, std::uint64_t>> buckets = {};
  std::uint64_t count = 0;
};

struct MetricFamily {
  std::string name;  // without prefix: "requests_total"
  std::string help;
  MetricType type = MetricType::kCounter;
  std::vector<MetricSample> samples = {};
};

using Metrics = std::vector<MetricFamily>;

}  // namespace ingress
