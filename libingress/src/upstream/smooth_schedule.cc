#include "upstream/smooth_schedule.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace ingress::upstream {
namespace {

template <class Heap, class Item>
void push(Heap& heap, Item item) {
  heap.push_back(item);
  std::ranges::push_heap(heap, std::greater<>());
}

template <class Heap>
auto pop(Heap& heap) {
  std::ranges::pop_heap(heap, std::greater<>());
  const auto item = heap.back();
  heap.pop_back();
  return item;
}

}  // namespace

SmoothSchedule::SmoothSchedule(std::span<const std::uint64_t> weights) {
  const std::uint64_t total = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0});
  shares_.reserve(weights.size());
  waiting_.reserve(weights.size());
  ready_.reserve(weights.size());
  for (const std::uint64_t weight : weights) {
    if (weight > 0) waiting_.push_back({0, static_cast<std::uint32_t>(shares_.size())});
    const std::uint64_t divisor = std::max<std::uint64_t>(weight, 1);
    shares_.push_back({weight, total / divisor, total % divisor, 0, 0});
  }
  std::ranges::make_heap(waiting_, std::greater<>());
}

SmoothSchedule::SmoothSchedule(std::span<const std::uint64_t> weights, Random& random)
    : SmoothSchedule(weights) {
  for (Due& due : waiting_) {
    Share& share = shares_[due.index];
    share.begin = -static_cast<std::int64_t>(random.below(share.period + (share.period_rest > 0 ? 1 : 0)));
    due.at = share.begin;
  }
  std::ranges::make_heap(waiting_, std::greater<>());
}

void SmoothSchedule::advance(Share& share) {
  share.begin += static_cast<std::int64_t>(share.period);
  share.begin_rest += share.period_rest;
  if (share.begin_rest < share.weight) return;
  share.begin_rest -= share.weight;
  ++share.begin;
}

std::size_t SmoothSchedule::next() {
  while (!waiting_.empty() && waiting_.front().at <= turn_) {
    const std::uint32_t index = pop(waiting_).index;
    Share& share = shares_[index];
    advance(share);  // to the end of this time, which is where the next one begins
    push(ready_, Due{share.begin + (share.begin_rest > 0 ? 1 : 0), index});
  }
  ++turn_;
  if (ready_.empty()) {  // all are ahead of their time, after random starts: the first of them has its turn
    const std::uint32_t index = waiting_.front().index;
    pop(waiting_);
    advance(shares_[index]);
    push(waiting_, Due{shares_[index].begin, index});
    return index;
  }
  const std::uint32_t index = pop(ready_).index;
  push(waiting_, Due{shares_[index].begin, index});
  return index;
}

}  // namespace ingress::upstream
