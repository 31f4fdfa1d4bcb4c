#include "upstream/balancer.h"

#include <algorithm>

#include "upstream/balancers/consistent_hash.h"
#include "upstream/balancers/least_request.h"
#include "upstream/balancers/peak_ewma.h"
#include "upstream/balancers/random_choice.h"
#include "upstream/balancers/round_robin.h"
#include "upstream/endpoint_state.h"

namespace ingress::upstream {
namespace {

bool is_same(const Endpoint& a, const Endpoint& b) {
  return a.port == b.port && a.address == b.address;
}

}  // namespace

bool PickRequest::was_last(const Endpoint& endpoint) const {
  return avoid != nullptr && is_same(avoid->key, endpoint);
}

bool PickRequest::has_failed(const Endpoint& endpoint) const {
  return was_last(endpoint) || std::ranges::any_of(failed, [&](const LocalRef<EndpointState>& one) {
           return is_same(one->key, endpoint);
         });
}

std::unique_ptr<Balancer> make_balancer(const ClusterEntry& entry, std::span<EndpointState* const> endpoints,
                                        PickContext& context) {
  switch (entry.cluster.load_balancing) {
    case LoadBalancing::kRoundRobin:
      break;
    case LoadBalancing::kLeastRequest:
      return std::make_unique<LeastRequest>(endpoints, context);
    case LoadBalancing::kRandom:
      return std::make_unique<RandomChoice>(endpoints, context);
    case LoadBalancing::kPeakEwma:
      return std::make_unique<PeakEwma>(endpoints, context);
    case LoadBalancing::kConsistentHash:
      return std::make_unique<ConsistentHashing>(entry, endpoints, context);
  }
  if (have_equal_shares(endpoints)) return std::make_unique<RoundRobin>(endpoints, context);
  return std::make_unique<WeightedRoundRobin>(endpoints, context);
}

}  // namespace ingress::upstream
