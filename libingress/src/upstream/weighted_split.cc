#include "upstream/weighted_split.h"

#include <algorithm>

#include "upstream/smooth_schedule.h"

namespace ingress::upstream {

WeightedSplit::WeightedSplit(std::span<const BackendRef> backends, Random& random) {
  std::vector<std::uint64_t> weights;
  for (const BackendRef& backend : backends) {
    weights.push_back(backend.weight);
    shares_.push_back({.weight = backend.weight});
    total_ += backend.weight;
  }
  const auto window = static_cast<std::int64_t>(kWindow * backends.size());
  SmoothSchedule schedule(weights);
  last_.resize(kWindow * backends.size());
  for (std::uint16_t& index : last_) {
    index = static_cast<std::uint16_t>(schedule.next());
    ++shares_[index].num_recent;
  }
  for (Share& share : shares_) {
    const std::int64_t exact = share.weight * window / total_, rest = share.weight * window % total_;
    share.most = static_cast<std::uint32_t>(exact + (share.weight > 0 ? 1 : 0));
    share.least = static_cast<std::uint32_t>(rest == 0 ? std::max<std::int64_t>(exact - 1, 0) : exact);
    share.credit = share.weight * window - share.num_recent * total_;
  }
  const std::uint64_t num_skipped = random.below(std::min(last_.size(), kMaxSkipCost / shares_.size()));
  for (std::uint64_t i = 0; i < num_skipped; ++i) next();
}

// Due: when its next exact pick would be over, (total - credit) / weight picks from now.
bool WeightedSplit::is_due_before(const Share& a, const Share& b) const {
  return (total_ - a.credit) * b.weight < (total_ - b.credit) * a.weight;
}

// The one that is due first, if it may have one more, else `index` itself.
std::size_t WeightedSplit::replacement(std::size_t index) const {
  std::size_t best = index;
  bool is_best_due = shares_[index].credit > 0;
  for (std::size_t i = 0; i < shares_.size(); ++i) {
    const Share& share = shares_[i];
    if (share.credit <= 0 || share.num_recent >= share.most) continue;
    if (is_best_due && !is_due_before(share, shares_[best])) continue;
    best = i;
    is_best_due = true;
  }
  return best;
}

std::size_t WeightedSplit::next() {
  for (Share& share : shares_) share.credit += share.weight;
  const std::size_t before = last_[oldest_];
  const std::size_t index = shares_[before].num_recent > shares_[before].least ? replacement(before) : before;
  --shares_[before].num_recent;
  ++shares_[index].num_recent;
  shares_[index].credit -= total_;
  last_[oldest_] = static_cast<std::uint16_t>(index);
  if (++oldest_ == last_.size()) oldest_ = 0;
  return index;
}

}  // namespace ingress::upstream
