// The counters of datagrams, summed over workers, as metrics.
#pragma once

#include <memory>
#include <span>

#include "ingress/metrics.h"
#include "proxy/worker.h"

namespace ingress::proxy {

void add_udp_metrics(std::span<const std::unique_ptr<Worker>> workers, Metrics& out);

}  // namespace ingress::proxy
