// Each endpoint in turn.
#pragma once

#include <span>

#include "upstream/balancer.h"
#include "upstream/smooth_schedule.h"

namespace ingress::upstream {

// For equal shares.
class RoundRobin final : public Balancer {
 public:
  RoundRobin(std::span<EndpointState* const> endpoints, PickContext& context)
      : endpoints_(endpoints), turn_(context.random.below(endpoints.size())) {}
  EndpointState* pick(const PickRequest&) override {
    EndpointState* const picked = endpoints_[turn_];
    if (++turn_ == endpoints_.size()) turn_ = 0;
    return picked;
  }

 private:
  std::span<EndpointState* const> endpoints_;
  std::size_t turn_;  // from a random start: workers must not walk the endpoints in step
};

// In proportion to the shares, spaced evenly.
class WeightedRoundRobin final : public Balancer {
 public:
  WeightedRoundRobin(std::span<EndpointState* const> endpoints, PickContext& context);
  EndpointState* pick(const PickRequest&) override { return endpoints_[schedule_.next()]; }

 private:
  std::span<EndpointState* const> endpoints_;
  SmoothSchedule schedule_;
};

}  // namespace ingress::upstream
