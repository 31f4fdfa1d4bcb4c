// Turns in proportion to weights, as evenly spaced as whole turns can be.
//
// Each index is due once per total/weight turns, and gets its turn within that time: of those whose time has
// begun, the one whose time ends first (earliest eligible deadline first; its turns are the proportionate
// fair schedule of Baruah, Cohen, Plaxton and Varvel, 1996). Whole numbers only: nothing drifts.
// Always true, when started together: after any number of turns, each index has had its exact share of them,
// off by less than one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "upstream/random.h"

namespace ingress::upstream {

class SmoothSchedule {
 public:
  // All start together. Weights of 0 never get a turn; one is above 0.
  explicit SmoothSchedule(std::span<const std::uint64_t> weights);
  // Each starts at a random point of its time: schedules that are made anew again and again give the small
  // ones their turns too, and workers do not go in step. Shares are off by a few at most then.
  SmoothSchedule(std::span<const std::uint64_t> weights, Random& random);

  // Cost: logarithmic in the number of weights.
  std::size_t next();

 private:
  // A point in time as turns plus rest/weight of one.
  struct Share {
    std::uint64_t weight;
    std::uint64_t period, period_rest;  // total / weight
    std::int64_t begin;                 // its next turn is due from here until a period later
    std::uint64_t begin_rest;
  };
  struct Due {
    std::int64_t at;
    std::uint32_t index;
    friend auto operator<=>(const Due&, const Due&) = default;
  };
  static void advance(Share& share);

  std::vector<Share> shares_;
  std::vector<Due> waiting_;  // heap by begin: before it
  std::vector<Due> ready_;    // heap by end: may have its turn
  std::int64_t turn_ = 0;
};

}  // namespace ingress::upstream
