// Which backend of a rule takes the next request: exact shares, in the short run too.
//
// Owner: ClusterStates, one per rule and worker. Thread: its.
// Always true: any 10 n picks in a row of a rule of n backends give each its exact share, off by at most one
// pick; so do the picks from the start, off by at most two. A weight of 0 takes nothing.
//
// The picks repeat those of 10 n picks ago, which keeps the first promise by itself; where shares are no
// whole numbers of 10 n, one is exchanged for another now and then, if the first promise allows, so that
// the long run is exact too. (A schedule that is exact from its start alone, SmoothSchedule, is off by up
// to two in the middle; points of a low-discrepancy sequence by three.)
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ingress/route.h"
#include "upstream/random.h"

namespace ingress::upstream {

class WeightedSplit {
 public:
  // At most 65,536 backends; one at least has a weight above 0. `random` chooses where to start, so that
  // workers do not pick in step.
  WeightedSplit(std::span<const BackendRef> backends, Random& random);
  // An index of the backends. Cost: linear in their number, some nanoseconds each.
  std::size_t next();
  // What it holds: for who bounds the memory of many.
  std::size_t num_slots() const { return last_.size(); }

 private:
  static constexpr std::size_t kWindow = 10;           // picks per backend
  static constexpr std::size_t kMaxSkipCost = 65'536;  // shares looked at to choose where to start
  struct Share {
    std::int64_t weight;
    std::int64_t credit = 0;            // picks due and not had, times the total weight
    std::uint32_t num_recent = 0;       // of last_
    std::uint32_t least = 0, most = 0;  // of last_, to be within one of the exact share
  };
  bool is_due_before(const Share& a, const Share& b) const;
  std::size_t replacement(std::size_t index) const;

  std::vector<Share> shares_;
  std::vector<std::uint16_t> last_;  // picks, in a ring
  std::size_t oldest_ = 0;           // in last_
  std::int64_t total_ = 0;
};

}  // namespace ingress::upstream
