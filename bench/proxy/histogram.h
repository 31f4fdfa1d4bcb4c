// Durations counted in buckets that are at most 1/64 wide of what they count, from 1 ns to hours: percentiles
// of any number of requests from fixed memory, and recording costs a few instructions.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace bench {

class Histogram {
 public:
  void record(std::uint64_t ns) {
    ++counts_[bucket_of(ns)];
    ++total_;
    if (ns > max_) max_ = ns;
  }

  std::uint64_t total() const { return total_; }
  std::uint64_t max() const { return max_; }

  // The upper end of the bucket below which `share` (0 to 1) of what was recorded lies; 0 when nothing was.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < counts_.size() && wanted > 0; ++bucket) {
      seen += counts_[bucket];
      if (seen >= wanted) return bucket_end(bucket) < max_ ? bucket_end(bucket) : max_;
    }
    return max_;
  }

 private:
  static constexpr unsigned kBits = 6;  // 64 buckets for each power of two
  static constexpr std::uint64_t kPerPower = 1U << kBits;

  static std::size_t bucket_of(std::uint64_t ns) {
    if (ns < kPerPower) return ns;
    const unsigned shift = std::bit_width(ns) - 1 - kBits;
    const std::size_t bucket = (shift + 1) * kPerPower + ((ns >> shift) - kPerPower);
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static std::uint64_t bucket_end(std::size_t bucket) {
    if (bucket < kPerPower) return bucket;
    const unsigned shift = static_cast<unsigned>(bucket / kPerPower) - 1;
    return ((bucket % kPerPower + kPerPower + 1) << shift) - 1;
  }

  static constexpr std::size_t kBuckets = 40 * kPerPower;
  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace bench
