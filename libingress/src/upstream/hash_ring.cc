#include "upstream/hash_ring.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include "base/hash.h"
#include "upstream/random.h"

namespace ingress::upstream {

std::uint64_t stable_hash(std::string_view text) {
  // Any two numbers would do; another pair moves every key, so they stay.
  return base::sip_hash(0x243F6A8885A308D3ULL, 0x13198A2E03707344ULL, text);
}

HashRing::HashRing(std::span<const Endpoint> endpoints) {
  if (endpoints.empty()) return;
  const auto count = static_cast<double>(endpoints.size());
  double total_weight = 0;
  for (const Endpoint& endpoint : endpoints) total_weight += endpoint.weight;
  const double points_per_weight = std::min(kPointsPerEndpoint, kMaxPoints / count) * count / total_weight;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const Endpoint& endpoint = endpoints[i];
    Random sequence(stable_hash(endpoint.address + ' ' + std::to_string(endpoint.port)));
    // Fewer points are the first of more: a change of weight moves only what it must.
    const auto num_points = std::max(std::lround(endpoint.weight * points_per_weight), 1L);
    for (long j = 0; j < num_points; ++j) points_.push_back((sequence.next() & ~kIndexMask) | i);
  }
  std::ranges::sort(points_);
  const unsigned bits = static_cast<unsigned>(std::bit_width(points_.size()));
  shift_ = 64 - bits;
  parts_.resize(std::size_t{1} << bits);
  std::size_t point = 0;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    while (point < points_.size() && (points_[point] >> shift_) < part) ++point;
    parts_[part] = static_cast<std::uint32_t>(point);
  }
}

std::size_t HashRing::find(std::uint64_t hash) const {
  std::size_t point = parts_[hash >> shift_];
  while (point < points_.size() && points_[point] < (hash & ~kIndexMask)) ++point;
  return point == points_.size() ? 0 : point;
}

}  // namespace ingress::upstream
