// Timeouts of connections and exchanges: O(1) to set, move and cancel, one uv_timer per loop.
//
// Owner: the Loop. Thread: the loop's. Resolution: kTick; a timer fires at or up to one tick after
// its time, never before. Always true: a Timer that is destroyed or cancelled does not fire.
#pragma once

#include <chrono>
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
  ~Timer() { cancel(); }
  // Fires once after `delay` from the loop's cached time; replaces an earlier setting.
  void set(TimerWheel& wheel, std::chrono::milliseconds delay);
  void cancel();
  bool is_set() const { return wheel_ != nullptr; }

 private:
  friend class TimerWheel;
  Callback callback_;
  void* owner_;
  TimerWheel* wheel_ = nullptr;
  Timer* prev_ = nullptr;
  Timer* next_ = nullptr;
  std::uint64_t due_tick_ = 0;
};

// Hierarchical wheel (Varghese and Lauck 1987): 4 levels of 256 slots. Time comes from outside, so
// tests step it by hand.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{10};
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kLevels = 4;

  explicit TimerWheel(std::chrono::milliseconds now);
  ~TimerWheel();
  // Fires everything due at `now` (monotonic). Callbacks may set and cancel any timer.
  void advance(std::chrono::milliseconds now);
  // Time until advance() has something to do (at most; it may turn out to be a cascade only);
  // negative when no timer is set.
  std::chrono::milliseconds until_next() const;
  std::chrono::milliseconds now() const { return now_; }
  // Called when a timer became the earliest: the loop re-arms its uv_timer.
  std::function<void()> on_earlier;
  std::size_t num_set() const { return num_set_; }

 private:
  friend class Timer;
  void link(Timer& timer);
  void unlink(Timer& timer);
  // implementation detail kept by the .cc
  struct Slot {
    Timer* first = nullptr;
  };
  Slot slots_[kLevels][kSlots];
  std::chrono::milliseconds now_;
  std::uint64_t tick_ = 0;
  std::size_t num_set_ = 0;
};

}  // namespace ingress::net
