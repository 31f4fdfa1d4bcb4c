#include "upstream/balancers/consistent_hash.h"

#include <utility>

#include "upstream/endpoint_state.h"
#include "upstream/hash_key.h"

namespace ingress::upstream {

ConsistentHashing::ConsistentHashing(const ClusterEntry& entry, std::span<EndpointState* const> endpoints,
                                     PickContext& context)
    : ring_(entry.ring),
      settings_(entry.cluster.consistent_hash),
      endpoints_(endpoints),
      by_position_(entry.cluster.endpoints.size()),
      sampler_(endpoints),
      context_(context) {
  for (EndpointState* endpoint : endpoints) {
    by_position_[endpoint->position] = endpoint;
    total_share_ += endpoint->share;
  }
}

EndpointState* ConsistentHashing::pick(const PickRequest& request) {
  const auto key = hash_key(settings_, request);
  if (!key) return endpoints_[sampler_.sample(context_.random)];
  return pick_by(stable_hash(*key), request);
}

// Whether one more keeps it within factor * (requests of the cluster, this one included) * its share of them,
// rounded up: the sum of that is more than there are requests, so that there is room somewhere.
bool ConsistentHashing::has_room(const EndpointState& endpoint) const {
  if (settings_.balance_factor_percent == 0 || endpoint.cluster_active == nullptr) return true;
  __extension__ using Wide = unsigned __int128;
  const Wide allowed =
      Wide{settings_.balance_factor_percent} * (std::uint64_t{*endpoint.cluster_active} + 1) * endpoint.share;
  return Wide{endpoint.num_active} * 100 * total_share_ < allowed;
}

EndpointState* ConsistentHashing::pick_by(std::uint64_t hash, const PickRequest& request) {
  const auto may_take = [&](const EndpointState& endpoint) {
    return request.is_first_try() || !request.has_failed(endpoint.key);
  };
  bool is_first = true;
  std::size_t point = ring_->find(hash);
  for (std::size_t i = 0; i < kMaxSteps; ++i, point = ring_->next(point)) {
    EndpointState* const endpoint = by_position_[ring_->endpoint_at(point)];
    if (endpoint == nullptr || !may_take(*endpoint)) continue;
    if (has_room(*endpoint)) return endpoint;
    if (std::exchange(is_first, false) && context_.counters != nullptr) context_.counters->overflow.add();
  }
  const std::size_t start = hash % endpoints_.size();
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    EndpointState* const endpoint = endpoints_[(start + i) % endpoints_.size()];
    if (may_take(*endpoint) && has_room(*endpoint)) return endpoint;
  }
  return endpoints_[start];
}

}  // namespace ingress::upstream
