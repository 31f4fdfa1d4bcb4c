// Timeouts of connections and exchanges: O(1) to set, move and cancel, one uv_timer per loop.
//
// Owner: the Loop. Thread: the loop's. Resolution: kTick; a timer fires at or up to one tick after
// its time, never before. Always true: a Timer that is destroyed or cancelled does not fire.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace ingress::net {

class TimerWheel;

// One timeout, embedded in what it guards. Not movable: the wheel links to it.
class Timer {
 public:
  // `owner` is given back to the callback; no allocation, no std::function.
  using Callback = void (*)(void* owner);
  Timer(Callback callback, void* owner) : callback_(callback), owner_(owner) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { leave(); }
  // Fires once after `delay` from the loop's cached time; replaces an earlier setting.
  void set(TimerWheel& wheel, std::chrono::milliseconds delay);
  // Costs next to nothing: the wheel forgets the timer when it comes to its slot, unless it is set again.
  void cancel();
  bool is_set() const { return is_set_; }

 private:
  friend class TimerWheel;
  void leave();
  Callback callback_;
  void* owner_;
  TimerWheel* wheel_ = nullptr;  // that it is linked in, set or not
  Timer* prev_ = nullptr;
  Timer* next_ = nullptr;
  std::uint64_t due_tick_ = 0;  // may lie behind the slot's time: then the slot passes the timer on
  std::uint16_t slot_ = 0;      // level * kSlots + index
  bool is_set_ = false;
};

// Hierarchical wheel (Varghese and Lauck 1987): 4 levels of 256 slots, so up to 497 days ahead (what is
// further away is looked at again then). Time comes from outside, so tests step it by hand.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{10};
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kLevels = 4;
  using Clock = std::chrono::milliseconds (*)(const void* context);

  explicit TimerWheel(std::chrono::milliseconds now);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  // Timers still set are cancelled.
  ~TimerWheel();
  // Where set() reads the time; without it, time is what the last advance() said. The loop gives its
  // cached time, since advance() comes only when there is something to fire.
  void set_clock(Clock clock, const void* context);
  // Fires everything due at `now` (monotonic). Callbacks may set and cancel any timer.
  void advance(std::chrono::milliseconds now);
  // Time until advance() has something to do (at most; it may turn out to be a cascade, or a timer that was
  // cancelled); negative when there is none of that.
  std::chrono::milliseconds until_next() const;
  std::chrono::milliseconds now() const { return clock_ ? clock_(clock_context_) : now_; }
  // Called when a timer became the earliest: the loop re-arms its uv_timer. Not called during advance().
  std::function<void()> on_earlier;
  std::size_t num_set() const { return num_set_; }

 private:
  friend class Timer;
  static constexpr std::size_t kWords = kSlots / 64;
  void link(Timer& timer);
  void unlink(Timer& timer);
  void place(Timer& timer);
  void remove(Timer& timer);
  void cascade(std::size_t level);
  void fire_slot();
  std::uint64_t next_work_tick() const;

  // implementation detail kept by the .cc
  struct Slot {
    Timer* first = nullptr;
  };
  Slot slots_[kLevels][kSlots];
  std::uint64_t used_[kLevels][kWords] = {};  // one bit per slot that is not empty
  std::chrono::milliseconds now_;
  Clock clock_ = nullptr;
  const void* clock_context_ = nullptr;
  std::uint64_t tick_;        // all work up to and including this tick is done
  std::uint64_t armed_tick_;  // the loop wakes at this tick or earlier
  std::size_t num_set_ = 0;
  std::size_t num_linked_ = 0;  // set or cancelled
};

}  // namespace ingress::net
