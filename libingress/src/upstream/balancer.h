// Chooses an endpoint among those of a cluster. Pure: load in, index out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "ingress/cluster.h"
#include "upstream/local_ref.h"

namespace ingress::upstream {

struct EndpointState;

// What a pick may depend on beside the cluster. Borrowed for the call.
struct PickRequest {
  const EndpointState* avoid = nullptr;  // failed just now: another one, if there is another
  // All that failed this request before, in any order: none of them, if there is another.
  std::span<const LocalRef<EndpointState>> failed = {};
};

// Small fast random numbers (splitmix64), one per worker: spreading, not secrecy.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }
  // Even over [0, bound); bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(((next() >> 32) * bound) >> 32);
  }

 private:
  std::uint64_t state_;
};

// The index of the endpoint to use, without `avoid` (an endpoint that just failed) while there is another.
// Nothing for an empty list. `turn` is the cluster's round robin position in this worker.
std::optional<std::size_t> pick_endpoint(LoadBalancing policy, std::span<EndpointState* const> endpoints,
                                         const EndpointState* avoid, std::uint64_t& turn, Random& random);

}  // namespace ingress::upstream
