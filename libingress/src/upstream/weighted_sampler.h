// Random indexes in proportion to the shares of endpoints.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "upstream/endpoint_state.h"
#include "upstream/random.h"

namespace ingress::upstream {

// Cost of a sample: constant when the shares are equal, else logarithmic.
class WeightedSampler {
 public:
  explicit WeightedSampler(std::span<EndpointState* const> endpoints) : count_(endpoints.size()) {
    if (have_equal_shares(endpoints)) return;
    ends_.reserve(count_);
    std::uint64_t end = 0;
    for (const EndpointState* endpoint : endpoints) ends_.push_back(end += endpoint->share);
  }
  bool is_even() const { return ends_.empty(); }
  std::size_t sample(Random& random) const {
    if (is_even()) return random.below(count_);
    const std::uint64_t point = random.below(ends_.back());
    return static_cast<std::size_t>(std::ranges::upper_bound(ends_, point) - ends_.begin());
  }

 private:
  std::size_t count_;
  std::vector<std::uint64_t> ends_;  // sums of the shares up to and with each; empty: all equal
};

// Two random endpoints of a list, for policies that take the better of two (Mitzenmacher 2001). With equal
// shares they differ. With unequal ones each comes by its share alone, so that a small endpoint that idles
// beside a busy large one is not sent everything: it gets at most twice its share.
struct TwoChoices {
  TwoChoices(const WeightedSampler& sampler, std::size_t count, Random& random)
      : first(sampler.sample(random)),
        second(sampler.is_even() ? random.below(count - 1) : sampler.sample(random)) {
    if (sampler.is_even() && second >= first) ++second;
  }
  std::size_t first, second;
};

}  // namespace ingress::upstream
