#include "net/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace ingress::net {

namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
constexpr unsigned kSlotBits = 8;
constexpr std::uint64_t kSlotMask = TimerWheel::kSlots - 1;
constexpr std::uint64_t kReachTicks = (std::uint64_t{1} << (kSlotBits * TimerWheel::kLevels)) - 1;

std::uint64_t floor_tick(milliseconds time) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, time / TimerWheel::kTick));
}

// Rounds up, so that a timer never fires before its time.
std::uint64_t ceil_tick(milliseconds time) {
  return floor_tick(time + TimerWheel::kTick - milliseconds(1));
}

}  // namespace

void Timer::set(TimerWheel& wheel, milliseconds delay) {
  // The cap keeps the sum below from overflowing; 100 years are as good as never.
  constexpr milliseconds kLongest = std::chrono::hours(24 * 365 * 100);
  const milliseconds due = wheel.now() + std::clamp(delay, milliseconds(0), kLongest);
  const std::uint64_t due_tick = std::max(ceil_tick(due), wheel.tick_ + 1);
  if (wheel_ == &wheel && due_tick >= due_tick_) {
    due_tick_ = due_tick;  // moved later, as idle timeouts mostly are: stays where it is linked
    wheel.num_set_ += is_set_ ? 0 : 1;
    is_set_ = true;
    return;
  }
  leave();
  due_tick_ = due_tick;
  is_set_ = true;
  ++wheel.num_set_;
  wheel.link(*this);
}

void Timer::cancel() {
  if (!is_set_) return;
  is_set_ = false;
  --wheel_->num_set_;
}

void Timer::leave() {
  cancel();
  if (wheel_) wheel_->unlink(*this);
}

TimerWheel::TimerWheel(milliseconds now) : now_(now), tick_(floor_tick(now)), armed_tick_(kNever) {}

TimerWheel::~TimerWheel() {
  for (auto& level : slots_) {
    for (Slot& slot : level) {
      while (slot.first) slot.first->leave();
    }
  }
}

void TimerWheel::set_clock(Clock clock, const void* context) {
  clock_ = clock;
  clock_context_ = context;
}

void TimerWheel::advance(milliseconds now) {
  now_ = std::max(now, now_);
  const std::uint64_t target = floor_tick(now_);
  armed_tick_ = 0;  // callbacks that set timers need not wake anybody
  for (;;) {
    const std::uint64_t next = next_work_tick();
    if (next > target) break;
    tick_ = next;
    for (std::size_t level = kLevels - 1; level > 0; --level) {
      const std::uint64_t below = (std::uint64_t{1} << (kSlotBits * level)) - 1;
      if ((tick_ & below) == 0) cascade(level);
    }
    fire_slot();
  }
  tick_ = std::max(tick_, target);
  armed_tick_ = next_work_tick();
}

milliseconds TimerWheel::until_next() const {
  const std::uint64_t next = next_work_tick();
  if (next == kNever) return milliseconds(-1);
  return std::max(milliseconds(0), static_cast<std::int64_t>(next) * kTick - now());
}

void TimerWheel::link(Timer& timer) {
  if (num_linked_ == 0 && armed_tick_ != 0) {
    // Nothing to cascade: catch up with the clock, so that short timers land on the lowest level.
    tick_ = std::max(tick_, std::min(floor_tick(now()), timer.due_tick_ - 1));
  }
  timer.wheel_ = this;
  ++num_linked_;
  place(timer);
  const unsigned shift = kSlotBits * (timer.slot_ / kSlots);
  const std::uint64_t work_tick = (timer.due_tick_ >> shift) << shift;
  if (work_tick < armed_tick_) {
    armed_tick_ = work_tick;
    if (on_earlier) on_earlier();
  }
}

void TimerWheel::unlink(Timer& timer) {
  remove(timer);
  timer.wheel_ = nullptr;
  --num_linked_;
}

// Puts the timer into the slot of its due tick, seen from tick_.
void TimerWheel::place(Timer& timer) {
  const std::uint64_t ahead = std::min(timer.due_tick_ - tick_, kReachTicks);
  std::size_t level = 0;
  while ((ahead >> (kSlotBits * (level + 1))) != 0) ++level;
  const std::size_t index = ((tick_ + ahead) >> (kSlotBits * level)) & kSlotMask;
  Slot& slot = slots_[level][index];
  timer.slot_ = static_cast<std::uint16_t>(level * kSlots + index);
  timer.prev_ = nullptr;
  timer.next_ = slot.first;
  if (slot.first) slot.first->prev_ = &timer;
  slot.first = &timer;
  used_[level][index / 64] |= std::uint64_t{1} << (index % 64);
}

void TimerWheel::remove(Timer& timer) {
  const std::size_t level = timer.slot_ / kSlots;
  const std::size_t index = timer.slot_ % kSlots;
  if (timer.next_) timer.next_->prev_ = timer.prev_;
  if (timer.prev_) {
    timer.prev_->next_ = timer.next_;
  } else {
    slots_[level][index].first = timer.next_;
    if (!timer.next_) used_[level][index / 64] &= ~(std::uint64_t{1} << (index % 64));
  }
  timer.prev_ = timer.next_ = nullptr;
}

// Spreads the slot that tick_ has just entered over the levels below. No timer comes back to the
// same slot: what is due at least a whole round later has another index or another level.
void TimerWheel::cascade(std::size_t level) {
  const std::size_t index = (tick_ >> (kSlotBits * level)) & kSlotMask;
  Timer* timer = slots_[level][index].first;
  slots_[level][index].first = nullptr;
  used_[level][index / 64] &= ~(std::uint64_t{1} << (index % 64));
  while (timer) {
    Timer* const next = timer->next_;
    place(*timer);
    timer = next;
  }
}

// One timer at a time from the front: a callback may cancel its neighbours. What callbacks set is due
// at tick_ + 1 at the earliest and so never lands in this slot.
void TimerWheel::fire_slot() {
  Slot& slot = slots_[0][tick_ & kSlotMask];
  while (Timer* timer = slot.first) {
    if (timer->is_set_ && timer->due_tick_ > tick_) {
      remove(*timer);
      place(*timer);
      continue;
    }
    const bool is_due = timer->is_set_;
    timer->leave();
    if (is_due) timer->callback_(timer->owner_);
  }
}

// The next tick at which a slot has to be fired or spread; kNever when all are empty.
std::uint64_t TimerWheel::next_work_tick() const {
  std::uint64_t earliest = kNever;
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::uint64_t base = tick_ >> (kSlotBits * level);
    // Slots base + 1 … base + 256, word by word; the first and the last look share a word.
    const std::size_t start = (base + 1) & kSlotMask;
    for (std::size_t step = 0; step <= kWords; ++step) {
      const std::size_t word = (start / 64 + step) % kWords;
      std::uint64_t bits = used_[level][word];
      if (step == 0) bits &= ~std::uint64_t{0} << (start % 64);
      if (step == kWords) bits &= ~(~std::uint64_t{0} << (start % 64));
      if (bits == 0) continue;
      const std::size_t index = word * 64 + static_cast<std::size_t>(std::countr_zero(bits));
      const std::uint64_t distance = ((index - start) & kSlotMask) + 1;
      earliest = std::min(earliest, (base + distance) << (kSlotBits * level));
      break;
    }
  }
  return earliest;
}

}  // namespace ingress::net
