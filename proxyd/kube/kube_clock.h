// Time as what watches an API server needs it, so that tests can make it pass.
//
// Thread: the loop's.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "ingress/loop.h"

namespace proxyd {

class KubeClock {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Destroying it takes the call back. The call may destroy it.
  class Timer {
   public:
    virtual ~Timer() = default;
  };
  virtual ~KubeClock() = default;
  virtual Time now() const = 0;
  // Calls `call` once, from the loop, never from inside after().
  [[nodiscard]] virtual std::unique_ptr<Timer> after(std::chrono::milliseconds delay,
                                                     std::move_only_function<void()> call) = 0;
  // From 0 up to 1: of many controllers that lost one server, not all come back at once.
  virtual double random() = 0;
};

std::unique_ptr<KubeClock> make_loop_clock(ingress::Loop& loop);

}  // namespace proxyd
