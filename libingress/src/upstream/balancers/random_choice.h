// A random endpoint, in proportion to its share.
#pragma once

#include <span>

#include "upstream/balancer.h"
#include "upstream/weighted_sampler.h"

namespace ingress::upstream {

class RandomChoice final : public Balancer {
 public:
  RandomChoice(std::span<EndpointState* const> endpoints, PickContext& context)
      : endpoints_(endpoints), sampler_(endpoints), random_(context.random) {}
  EndpointState* pick(const PickRequest&) override { return endpoints_[sampler_.sample(random_)]; }

 private:
  std::span<EndpointState* const> endpoints_;
  WeightedSampler sampler_;
  Random& random_;
};

}  // namespace ingress::upstream
