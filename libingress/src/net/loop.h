// A worker's event loop: libuv, the timer wheel, the buffer pool and deferred freeing.
//
// Owner: a worker, or the application's ingress::Loop. Thread: the one that calls run(); only post()
// and stop() may be called from others. libuv's types stay inside net/ (uv_loop() is for its files).
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>

#include "base/buffer.h"
#include "ingress/error.h"
#include "net/timer_wheel.h"

struct uv_loop_s;

namespace ingress::net {

class EventLoop {
 public:
  static std::expected<std::unique_ptr<EventLoop>, Error> create();
  ~EventLoop();

  void run();   // until stop()
  void stop();  // any thread
  // Runs `call` on the loop's thread. Any thread; one mutex-protected queue, one uv_async.
  void post(std::move_only_function<void()> call);
  // Wakes the loop so that the on_wake hook runs. Any thread, async-signal-safe, coalesces, no
  // allocation: for mailboxes.
  void wake();
  void set_on_wake(std::move_only_function<void()> hook);
  // Runs `call` after the current callback returns to the loop: frees, starts of the next message.
  // Loop's thread only.
  void defer(std::move_only_function<void()> call);

  TimerWheel& timers() { return *timers_; }
  base::BufferPool& buffers() { return buffers_; }
  // Monotonic, read once per turn of the loop.
  std::chrono::milliseconds now() const;
  // Reads the clock (vdso): for durations in logs. Monotonic microseconds.
  static std::int64_t clock_us();
  uv_loop_s* uv_loop() { return uv_.get(); }
  // The block that sockets of this loop read into; replaced when somebody keeps a slice of it.
  base::Block* read_block();

 private:
  EventLoop();
  struct Impl;
  struct UvLoopDeleter {
    void operator()(uv_loop_s* loop) const;
  };
  // Order matters: the pool outlives everything that may hold slices.
  base::BufferPool buffers_;
  std::unique_ptr<uv_loop_s, UvLoopDeleter> uv_;
  std::unique_ptr<TimerWheel> timers_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress::net
