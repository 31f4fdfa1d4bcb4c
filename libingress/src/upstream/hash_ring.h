// Endpoints on a ring of hashes (Karger et al., 1997): const after build, shared by all workers.
//
// An endpoint owns what lies before each of its points. With one more or less, no key moves between the
// others as long as weights are equal; with unequal ones few do, since the number of points of an endpoint
// is its weight against the mean. Depends on addresses, ports and weights alone, not on the process: every
// proxy has the same ring.
// Owner: the ClusterEntry. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ingress/cluster.h"

namespace ingress::upstream {

// The same in every process and version. Keys that a client chooses can be aimed at one endpoint;
// ConsistentHash::balance_factor_percent bounds what that endpoint gets.
std::uint64_t stable_hash(std::string_view text);

class HashRing {
 public:
  // At most 65,536 endpoints, none: an empty ring. Cost: sorts the points, of which there are 256 for an
  // endpoint of mean weight, less when there are more than a million in all.
  explicit HashRing(std::span<const Endpoint> endpoints);

  bool is_empty() const { return points_.empty(); }
  std::size_t num_points() const { return points_.size(); }
  // The first point at or after `hash`. The ring is not empty.
  std::size_t find(std::uint64_t hash) const;
  std::size_t next(std::size_t point) const { return ++point == points_.size() ? 0 : point; }
  // The index in the list that the ring was made from.
  std::uint32_t endpoint_at(std::size_t point) const {
    return static_cast<std::uint32_t>(points_[point] & kIndexMask);
  }

 private:
  static constexpr std::uint64_t kIndexMask = 0xFFFF;
  static constexpr double kPointsPerEndpoint = 256;
  static constexpr double kMaxPoints = 1 << 20;

  std::vector<std::uint64_t> points_;  // sorted: 48 bits of hash, 16 of index
  // The first point of each part of the hashes; as many parts as points, so that a search is a step or two.
  std::vector<std::uint32_t> parts_;
  unsigned shift_ = 63;  // of a hash to its part
};

}  // namespace ingress::upstream
