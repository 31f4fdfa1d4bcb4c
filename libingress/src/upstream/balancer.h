// Chooses an endpoint among those of a cluster. Pure: load in, index out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "ingress/cluster.h"
#include "upstream/local_ref.h"
#include "upstream/random.h"

namespace ingress::upstream {

struct EndpointState;

// What a pick may depend on beside the cluster. Borrowed for the call.
struct PickRequest {
  const EndpointState* avoid = nullptr;  // failed just now: another one, if there is another
  // All that failed this request before, in any order: none of them, if there is another.
  std::span<const LocalRef<EndpointState>> failed = {};
};

// The index of the endpoint to use, without `avoid` (an endpoint that just failed) while there is another.
// Nothing for an empty list. `turn` is the cluster's round robin position in this worker.
std::optional<std::size_t> pick_endpoint(LoadBalancing policy, std::span<EndpointState* const> endpoints,
                                         const EndpointState* avoid, std::uint64_t& turn, Random& random);

}  // namespace ingress::upstream
