#include "upstream/balancer.h"

#include "upstream/endpoint_state.h"

namespace ingress::upstream {

namespace {

std::size_t pick_round_robin(std::span<EndpointState* const> endpoints, const EndpointState* avoid,
                             std::uint64_t& turn) {
  std::size_t index = turn++ % endpoints.size();
  if (endpoints[index] == avoid) index = turn++ % endpoints.size();
  return index;
}

// Power of two choices (Mitzenmacher 2001): two different random endpoints, the less loaded one.
std::size_t pick_least_request(std::span<EndpointState* const> endpoints, const EndpointState* avoid,
                               Random& random) {
  const std::size_t count = endpoints.size();
  const std::size_t first = random.below(count);
  std::size_t second = random.below(count - 1);
  if (second >= first) ++second;
  if (endpoints[first] == avoid) return second;
  if (endpoints[second] == avoid) return first;
  return endpoints[second]->num_active < endpoints[first]->num_active ? second : first;
}

}  // namespace

std::optional<std::size_t> pick_endpoint(LoadBalancing policy, std::span<EndpointState* const> endpoints,
                                         const EndpointState* avoid, std::uint64_t& turn, Random& random) {
  if (endpoints.empty()) return std::nullopt;
  if (endpoints.size() == 1) return 0;
  switch (policy) {
    case LoadBalancing::kRoundRobin:
      return pick_round_robin(endpoints, avoid, turn);
    case LoadBalancing::kLeastRequest:
      return pick_least_request(endpoints, avoid, random);
  }
  return std::nullopt;
}

}  // namespace ingress::upstream
