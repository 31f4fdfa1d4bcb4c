// A worker's event loop: libuv, the timer wheel, the buffer pool and deferred freeing.
//
// Owner: a worker, or the application's ingress::Loop. Thread: the one that calls run(), outside of run()
// the owner's; only post(), wake() and stop() may be called from others.
// Caller: destroys Transports, timers and whatever else lives on the loop first, and lets no other thread
// call in any more by then. libuv's types stay inside net/ (uv_loop() is for its files).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>

#include "base/buffer.h"
#include "ingress/error.h"
#include "net/timer_wheel.h"

struct uv_loop_s;

namespace ingress::net {

class EventLoop {
 public:
  static std::expected<std::unique_ptr<EventLoop>, Error> create();
  // Runs what is still deferred; drops what is still posted.
  ~EventLoop();

  // Runs until stop(), at once when that came before. SIGPIPE is blocked in this thread meanwhile, since
  // libuv's writes would raise it: nothing of the process's own signal handling changes. Threads started
  // from callbacks inherit that mask.
  void run();
  // Makes run() return after the current callback. Any thread, async-signal-safe.
  void stop();
  // Runs `call` on the loop's thread. Any thread; one mutex-protected queue, one uv_async.
  void post(std::move_only_function<void()> call);
  // Wakes the loop so that the on_wake hook runs. Any thread, async-signal-safe, coalesces, no
  // allocation: for mailboxes.
  void wake();
  void set_on_wake(std::move_only_function<void()> hook);
  // Runs `call` after the current callback returned to libuv, before the loop waits again and before any
  // close callback of a handle closed meanwhile: frees, starts of the next message. Loop's thread only.
  // A call that defers itself again and again starves the sockets.
  void defer(std::move_only_function<void()>&& call);

  TimerWheel& timers() { return *timers_; }
  base::BufferPool& buffers() { return buffers_; }
  // Monotonic, read once per turn of the loop. Stands still while the process is stopped (SIGSTOP) or a
  // callback takes more than 100 ms, as far as a timer would have been due: timeouts are about peers.
  std::chrono::milliseconds now() const;
  // Reads the clock (vdso): for durations in logs. Monotonic microseconds.
  static std::int64_t clock_us();
  uv_loop_s* uv_loop() { return uv_.get(); }
  // Whether the caller is on the loop's thread, or nobody runs the loop: for assertions.
  bool is_on_thread() const;
  // Where sockets of this loop read into: at least kMinReadBytes, the same block again and again as long
  // as no handler keeps a slice. What is kept is read behind, until too little is left of the block.
  std::span<char> read_space();
  // The first `size_bytes` of the last read_space() as a slice, after a read.
  base::Slice take_read(std::size_t size_bytes);
  static constexpr std::uint32_t kMinReadBytes = 68 * 1024;  // a piece of 64 KB and the head before it

 private:
  EventLoop();
  struct Impl;
  struct UvLoopDeleter {
    void operator()(uv_loop_s* loop) const;
  };
  // Order matters: the pool outlives everything that may hold slices, uv's loop all handles.
  base::BufferPool buffers_;
  std::unique_ptr<uv_loop_s, UvLoopDeleter> uv_;
  std::unique_ptr<TimerWheel> timers_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress::net
