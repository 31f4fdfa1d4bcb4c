#include "upstream/balancers/peak_ewma.h"

#include "upstream/endpoint_state.h"

namespace ingress::upstream {
namespace {

double mean_share(std::span<EndpointState* const> endpoints) {
  double sum = 0;
  for (const EndpointState* endpoint : endpoints) sum += static_cast<double>(endpoint->share);
  return sum / static_cast<double>(endpoints.size());
}

}  // namespace

PeakEwma::PeakEwma(std::span<EndpointState* const> endpoints, PickContext& context)
    : endpoints_(endpoints), sampler_(endpoints), mean_share_(mean_share(endpoints)), context_(context) {}

double PeakEwma::cost(const EndpointState& endpoint, std::chrono::milliseconds now) const {
  if (!endpoint.latency.is_known() && endpoint.num_active == 0) return 0;
  const double latency = endpoint.latency.is_known() ? endpoint.latency.at(now)
                                                     : static_cast<double>(LatencyAverage::kFailure.count());
  const double load = endpoint.num_active * mean_share_ / static_cast<double>(endpoint.share);
  return latency * (load + 1);
}

EndpointState* PeakEwma::pick(const PickRequest&) {
  const TwoChoices choices(sampler_, endpoints_.size(), context_.random);
  EndpointState *const first = endpoints_[choices.first], *const second = endpoints_[choices.second];
  const std::chrono::milliseconds now = context_.now();
  return cost(*second, now) < cost(*first, now) ? second : first;
}

}  // namespace ingress::upstream
