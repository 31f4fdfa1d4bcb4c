// Of two random endpoints the one with fewer running requests, each counted against its share.
#pragma once

#include <span>

#include "upstream/balancer.h"
#include "upstream/weighted_sampler.h"

namespace ingress::upstream {

class LeastRequest final : public Balancer {
 public:
  LeastRequest(std::span<EndpointState* const> endpoints, PickContext& context)
      : endpoints_(endpoints), sampler_(endpoints), random_(context.random) {}
  EndpointState* pick(const PickRequest&) override {
    const TwoChoices choices(sampler_, endpoints_.size(), random_);
    EndpointState *const first = endpoints_[choices.first], *const second = endpoints_[choices.second];
    return second->num_active * first->share < first->num_active * second->share ? second : first;
  }

 private:
  std::span<EndpointState* const> endpoints_;
  WeightedSampler sampler_;
  Random& random_;
};

}  // namespace ingress::upstream
