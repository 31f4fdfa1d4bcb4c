// The counters of all workers as metric families.
#pragma once

#include <memory>
#include <span>

#include "ingress/metrics.h"
#include "proxy/worker.h"

namespace ingress::proxy {

// Sums over the workers; per-worker gauges carry the label "worker". Thread: any.
Metrics read_metrics(std::span<const std::unique_ptr<Worker>> workers,
                     const upstream::BreakerRegistry& breakers, const HealthBoard& health,
                     Generation published);

}  // namespace ingress::proxy
