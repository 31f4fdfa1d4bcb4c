// Which backend of a rule takes the next request: exact shares, also in the short run.
#pragma once

#include <cstdint>

namespace ingress::upstream {

// A point of the additive recurrence with the golden ratio (Weyl sequence): any stretch of it is spread
// evenly over [0, 2^64), so shares are right after a few picks already. One per rule and worker, from a
// random start, so that workers do not pick in step.
class SplitSequence {
 public:
  explicit SplitSequence(std::uint64_t start = 0) : state_(start) {}
  // The next point in [0, total); total > 0. Whose share holds it takes the request.
  std::uint64_t next(std::uint64_t total) {
    state_ += 0x9E3779B97F4A7C15ULL;
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(state_) * total) >> 64);
  }

 private:
  std::uint64_t state_;
};

}  // namespace ingress::upstream
