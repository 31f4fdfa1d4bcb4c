// Of two random endpoints the one that is expected to answer sooner: its latency (LatencyAverage) times its
// running requests. An endpoint that has never answered gets one request to find out, and is taken to be
// slow while that runs.
#pragma once

#include <chrono>
#include <span>

#include "upstream/balancer.h"
#include "upstream/weighted_sampler.h"

namespace ingress::upstream {

class PeakEwma final : public Balancer {
 public:
  PeakEwma(std::span<EndpointState* const> endpoints, PickContext& context);
  EndpointState* pick(const PickRequest&) override;

 private:
  double cost(const EndpointState& endpoint, std::chrono::milliseconds now) const;

  std::span<EndpointState* const> endpoints_;
  WeightedSampler sampler_;
  double mean_share_;
  PickContext& context_;
};

}  // namespace ingress::upstream
