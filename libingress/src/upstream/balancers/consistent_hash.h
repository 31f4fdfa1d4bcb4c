// The same key goes to the same endpoint, in every worker and every proxy with the same cluster.
//
// The key's place on the ring (HashRing) leads to its endpoint; one that may not be used now, or is at its
// bound (ConsistentHash::balance_factor_percent; consistent hashing with bounded loads, Mirrokni, Thorup and
// Zadimoghaddam, 2018), is passed over for the next on the ring, so that only its own keys move.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/hash_ring.h"
#include "upstream/weighted_sampler.h"

namespace ingress::upstream {

class ConsistentHashing final : public Balancer {
 public:
  ConsistentHashing(const ClusterEntry& entry, std::span<EndpointState* const> endpoints,
                    PickContext& context);
  EndpointState* pick(const PickRequest& request) override;

 private:
  // A ring of a thousand points without a usable one: nearly all endpoints are gone or at their bound.
  static constexpr std::size_t kMaxSteps = 1024;
  EndpointState* pick_by(std::uint64_t hash, const PickRequest& request);
  bool has_room(const EndpointState& endpoint) const;

  std::shared_ptr<const HashRing> ring_;
  ConsistentHash settings_;
  std::span<EndpointState* const> endpoints_;
  std::vector<EndpointState*> by_position_;  // of the cluster's list; null: not to be used now
  std::uint64_t total_share_ = 0;
  WeightedSampler sampler_;  // for requests without a key
  PickContext& context_;
};

}  // namespace ingress::upstream
