#include "upstream/balancers/round_robin.h"

#include <vector>

#include "upstream/endpoint_state.h"

namespace ingress::upstream {
namespace {

std::vector<std::uint64_t> shares_of(std::span<EndpointState* const> endpoints) {
  std::vector<std::uint64_t> out;
  out.reserve(endpoints.size());
  for (const EndpointState* endpoint : endpoints) out.push_back(endpoint->share);
  return out;
}

}  // namespace

WeightedRoundRobin::WeightedRoundRobin(std::span<EndpointState* const> endpoints, PickContext& context)
    : endpoints_(endpoints), schedule_(shares_of(endpoints), context.random) {}

}  // namespace ingress::upstream
