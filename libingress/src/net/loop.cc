#include "net/loop.h"

#include <uv.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <csignal>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "net/socket_address.h"

namespace ingress::net {

namespace {

using Call = std::move_only_function<void()>;
using std::chrono::milliseconds;

// A turn that comes later than this did not wait for its time: the process was stopped, or a callback ran on
// and on. Timers that are due by then wait for one more look at the sockets, twice the wheel's resolution.
constexpr milliseconds kStall{100};
constexpr milliseconds kLookAgain = 2 * TimerWheel::kTick;

// Blocks SIGPIPE in this thread. A SIGPIPE that a write raised meanwhile is pending on the thread and is
// taken back before unblocking; one that was pending before is left alone.
class SigpipeBlock {
 public:
  SigpipeBlock() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    is_active_ = pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_) == 0;
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;
  ~SigpipeBlock() {
    if (!is_active_) return;
    if (!was_pending_ && sigismember(&before_, SIGPIPE) == 0) {
      const timespec no_wait{};
      while (sigtimedwait(&sigpipe_, nullptr, &no_wait) == -1 && errno == EINTR) {
      }
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_;
  sigset_t before_;
  bool was_pending_ = false;
  bool is_active_ = false;
};

}  // namespace

// Owner: the EventLoop. Its handles are closed and reported closed before it is freed.
struct EventLoop::Impl {
  EventLoop* loop = nullptr;
  uv_async_t async{};
  uv_timer_t wheel_timer{};
  milliseconds wheel_due{};  // uv's time at which wheel_timer was to fire
  milliseconds stalled{};    // how far the loop's time is behind uv's
  uv_prepare_t prepare{};
  uv_check_t check{};
  unsigned num_handles = 0;  // initialised and not yet reported closed

  // Written by other threads. The flags pair with uv_async_send, which is no barrier by contract: the
  // release store before it meets the exchange in the loop, so what led to it is seen there.
  std::atomic<bool> stop_wanted{false};
  std::atomic<bool> wake_wanted{false};
  std::atomic<std::thread::id> thread{};  // none outside of run(): then whoever owns the loop may act
  std::mutex posted_mutex;
  std::vector<Call> posted;  // under posted_mutex

  // The loop's thread only.
  std::vector<Call> running;  // the batch of posted calls being run, from num_run on
  std::size_t num_run = 0;
  std::vector<Call> deferred;
  std::vector<Call> deferred_batch;
  Call on_wake;
  base::Block* read_block = nullptr;  // one reference is ours
  std::uint32_t read_offset = 0;

  void run_deferred();
  void run_posted();
  void on_async();
  milliseconds uv_time() const { return milliseconds(uv_now(loop->uv_.get())); }
  void arm_wheel();
  void start_wheel_timer(milliseconds delay);
  void on_wheel_due();
  void end_turn();
  void close_handles();
};

void EventLoop::Impl::run_deferred() {
  while (!deferred.empty()) {
    deferred_batch.swap(deferred);
    for (Call& call : deferred_batch) {
      Call current = std::move(call);  // what it holds goes before the next one runs
      current();
    }
    deferred_batch.clear();
  }
}

// Calls posted while these run wait for the next turn, and so do the rest after a stop().
void EventLoop::Impl::run_posted() {
  if (num_run == running.size()) {
    running.clear();
    num_run = 0;
    const std::lock_guard lock(posted_mutex);
    running.swap(posted);
  }
  while (num_run < running.size()) {
    if (stop_wanted.load(std::memory_order_relaxed)) {
      uv_async_send(&async);  // for the next run()
      return;
    }
    std::exchange(running[num_run++], nullptr)();
  }
  const std::lock_guard lock(posted_mutex);
  if (!posted.empty()) uv_async_send(&async);
}

void EventLoop::Impl::on_async() {
  if (wake_wanted.exchange(false, std::memory_order_acquire) && on_wake) on_wake();
  run_posted();
}

void EventLoop::Impl::arm_wheel() {
  const auto delay = loop->timers_->until_next();
  if (delay.count() < 0) {
    uv_timer_stop(&wheel_timer);
    return;
  }
  start_wheel_timer(delay);
}

void EventLoop::Impl::start_wheel_timer(milliseconds delay) {
  wheel_due = uv_time() + delay;
  uv_timer_start(
      &wheel_timer, [](uv_timer_t* timer) { static_cast<Impl*>(timer->data)->on_wheel_due(); },
      static_cast<std::uint64_t>(delay.count()), 0);
}

// uv runs timers before it looks at the sockets, and after a stop of the process also returns from its wait
// without a look at them: what peers sent in time would count as never sent. So time that passed while this
// loop did nothing does not count.
void EventLoop::Impl::on_wheel_due() {
  if (const milliseconds late = uv_time() - wheel_due; late > kStall) {
    stalled += late;
    start_wheel_timer(kLookAgain);
    return;
  }
  loop->timers_->advance(loop->now());
  arm_wheel();
}

void EventLoop::Impl::end_turn() {
  run_deferred();
  if (stop_wanted.load(std::memory_order_acquire)) uv_stop(loop->uv_.get());
}

void EventLoop::Impl::close_handles() {
  const auto close = [this]<typename Handle>(Handle& handle) {
    if (handle.data != this) return;  // never initialised
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { --static_cast<Impl*>(closed->data)->num_handles; });
  };
  close(async);
  close(wheel_timer);
  close(prepare);
  close(check);
}

void EventLoop::UvLoopDeleter::operator()(uv_loop_s* loop) const {
  delete loop;
}

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {
  impl_->loop = this;
}

std::expected<std::unique_ptr<EventLoop>, Error> EventLoop::create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  Impl& impl = *loop->impl_;
  auto uv = std::make_unique<uv_loop_t>();
  if (const int status = uv_loop_init(uv.get()); status != 0) {
    return std::unexpected(io_error("event loop", status));
  }
  loop->uv_.reset(uv.release());
  uv_loop_t* const raw = loop->uv_.get();
  const auto adopt = [&impl](auto& handle, int status) {
    if (status == 0) handle.data = &impl, ++impl.num_handles;
    return status;
  };
  int status = adopt(impl.async, uv_async_init(raw, &impl.async, [](uv_async_t* handle) {
                       static_cast<Impl*>(handle->data)->on_async();
                     }));
  if (status == 0) status = adopt(impl.wheel_timer, uv_timer_init(raw, &impl.wheel_timer));
  if (status == 0) status = adopt(impl.prepare, uv_prepare_init(raw, &impl.prepare));
  if (status == 0) status = adopt(impl.check, uv_check_init(raw, &impl.check));
  if (status != 0) return std::unexpected(io_error("event loop", status));
  uv_prepare_start(&impl.prepare, [](uv_prepare_t* h) { static_cast<Impl*>(h->data)->end_turn(); });
  uv_check_start(&impl.check, [](uv_check_t* h) { static_cast<Impl*>(h->data)->end_turn(); });
  loop->timers_ = std::make_unique<TimerWheel>(loop->now());
  loop->timers_->set_clock([](const void* context) { return static_cast<const EventLoop*>(context)->now(); },
                           loop.get());
  loop->timers_->on_earlier = [&impl] { impl.arm_wheel(); };
  return loop;
}

EventLoop::~EventLoop() {
  if (uv_) {
    impl_->run_deferred();
    impl_->close_handles();
    // Handles closed by their owners report here too. One that is still open is its owner's bug: it would
    // be waited for without end, so give up, leak uv's loop and fail in debug builds.
    constexpr int kMaxTurns = 1000;
    int turns = 0;
    while (uv_loop_close(uv_.get()) == UV_EBUSY && turns < kMaxTurns) {
      uv_run(uv_.get(), UV_RUN_NOWAIT);
      impl_->run_deferred();
      ++turns;
    }
    assert(turns < kMaxTurns);
    if (turns == kMaxTurns) (void)uv_.release();
  }
  if (impl_->read_block) const base::Slice last(impl_->read_block, 0, 0);
}

void EventLoop::run() {
  impl_->thread.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const SigpipeBlock no_sigpipe;
  if (!impl_->stop_wanted.load(std::memory_order_acquire)) {
    uv_update_time(uv_.get());
    uv_run(uv_.get(), UV_RUN_DEFAULT);
    impl_->run_deferred();
  }
  impl_->stop_wanted.store(false, std::memory_order_relaxed);
  impl_->thread.store(std::thread::id(), std::memory_order_relaxed);
}

void EventLoop::stop() {
  impl_->stop_wanted.store(true, std::memory_order_release);
  uv_async_send(&impl_->async);
}

void EventLoop::post(std::move_only_function<void()> call) {
  const std::lock_guard lock(impl_->posted_mutex);
  impl_->posted.push_back(std::move(call));
  // Under the lock: whoever sees the call run may free the loop right after.
  if (impl_->posted.size() == 1) uv_async_send(&impl_->async);
}

void EventLoop::wake() {
  if (!impl_->wake_wanted.exchange(true, std::memory_order_release)) uv_async_send(&impl_->async);
}

void EventLoop::set_on_wake(std::move_only_function<void()> hook) {
  impl_->on_wake = std::move(hook);
}

void EventLoop::defer(std::move_only_function<void()>&& call) {
  assert(is_on_thread());
  impl_->deferred.push_back(std::move(call));
}

std::chrono::milliseconds EventLoop::now() const {
  return impl_->uv_time() - impl_->stalled;
}

std::int64_t EventLoop::clock_us() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000 + time.tv_nsec / 1000;
}

bool EventLoop::is_on_thread() const {
  const std::thread::id running = impl_->thread.load(std::memory_order_relaxed);
  return running == std::thread::id() || running == std::this_thread::get_id();
}

std::span<char> EventLoop::read_space() {
  Impl& impl = *impl_;
  if (impl.read_block && impl.read_block->refs == 1) {
    impl.read_offset = impl.read_block->used = 0;
  } else if (!impl.read_block || impl.read_block->capacity - impl.read_offset < kMinReadBytes) {
    if (impl.read_block) const base::Slice given_up(impl.read_block, 0, 0);
    impl.read_block = buffers_.take_block(base::BufferPool::kReadBytes);
    impl.read_offset = 0;
  }
  return {impl.read_block->data() + impl.read_offset, impl.read_block->capacity - impl.read_offset};
}

base::Slice EventLoop::take_read(std::size_t size_bytes) {
  Impl& impl = *impl_;
  const auto size = static_cast<std::uint32_t>(size_bytes);
  ++impl.read_block->refs;
  base::Slice slice(impl.read_block, impl.read_offset, size);
  impl.read_offset += size;
  return slice;
}

}  // namespace ingress::net
