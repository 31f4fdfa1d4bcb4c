#include "net/public_loop.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "net/socket_address.h"

namespace ingress {

namespace {

using net::EventLoop;
using net::OnEvent;

// A timer on the wheel. Owner: its registration, then the loop until the current callback is over.
struct TimerCore {
  TimerCore(EventLoop& loop, std::chrono::milliseconds every, OnEvent on_event)
      : event_loop(loop), period(every), call(std::move(on_event)) {}

  void fire() {
    if (period.count() > 0) timer.set(event_loop.timers(), period);
    call();
  }

  EventLoop& event_loop;
  std::chrono::milliseconds period;  // 0: once
  OnEvent call;
  net::Timer timer{[](void* core) { static_cast<TimerCore*>(core)->fire(); }, this};
};

class TimerRegistration final : public Loop::Registration::Impl {
 public:
  explicit TimerRegistration(std::unique_ptr<TimerCore> core) : core_(std::move(core)) {}
  TimerRegistration(const TimerRegistration&) = delete;
  TimerRegistration& operator=(const TimerRegistration&) = delete;
  ~TimerRegistration() override {
    core_->timer.cancel();
    EventLoop& loop = core_->event_loop;
    loop.defer([core = std::move(core_)] {});  // its call may be running
  }

 private:
  std::unique_ptr<TimerCore> core_;
};

// Owner: its registration, then the loop until the close callback.
struct SignalCore {
  explicit SignalCore(OnEvent on_event) : call(std::move(on_event)) {}
  OnEvent call;
  uv_signal_t handle{};
};

class SignalRegistration final : public Loop::Registration::Impl {
 public:
  explicit SignalRegistration(SignalCore* core) : core_(core) {}
  SignalRegistration(const SignalRegistration&) = delete;
  SignalRegistration& operator=(const SignalRegistration&) = delete;
  ~SignalRegistration() override {
    uv_close(reinterpret_cast<uv_handle_t*>(&core_->handle),
             [](uv_handle_t* handle) { delete static_cast<SignalCore*>(handle->data); });
  }

 private:
  SignalCore* core_;
};

}  // namespace

Loop::Registration::Registration() = default;
Loop::Registration::Registration(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::Registration::Registration(Registration&&) noexcept = default;
Loop::Registration& Loop::Registration::operator=(Registration&&) noexcept = default;
Loop::Registration::~Registration() = default;

std::expected<std::unique_ptr<Loop>, Error> Loop::create() {
  auto event_loop = EventLoop::create();
  if (!event_loop) return std::unexpected(std::move(event_loop.error()));
  return std::unique_ptr<Loop>(new Loop(std::make_unique<Impl>(std::move(*event_loop))));
}

Loop::Loop(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Loop::~Loop() = default;

void Loop::run() {
  impl_->event_loop->run();
}
void Loop::stop() {
  impl_->event_loop->stop();
}
void Loop::post(std::move_only_function<void()> call) {
  impl_->event_loop->post(std::move(call));
}

Loop::Registration Loop::after(std::chrono::milliseconds delay, std::move_only_function<void()> call) {
  EventLoop& loop = *impl_->event_loop;
  auto core = std::make_unique<TimerCore>(loop, std::chrono::milliseconds(0), std::move(call));
  core->timer.set(loop.timers(), delay);
  return Registration(std::make_unique<TimerRegistration>(std::move(core)));
}

Loop::Registration Loop::every(std::chrono::milliseconds period, std::move_only_function<void()> call) {
  EventLoop& loop = *impl_->event_loop;
  const auto at_least = std::max(period, net::TimerWheel::kTick);
  auto core = std::make_unique<TimerCore>(loop, at_least, std::move(call));
  core->timer.set(loop.timers(), at_least);
  return Registration(std::make_unique<TimerRegistration>(std::move(core)));
}

std::expected<Loop::Registration, Error> Loop::watch_path(const std::string& path,
                                                          std::move_only_function<void()> call) {
  auto watch = net::watch_path(*impl_->event_loop, path, std::move(call));
  if (!watch) return std::unexpected(std::move(watch.error()));
  return Registration(std::move(*watch));
}

std::expected<Loop::Registration, Error> Loop::on_signal(int signal_number,
                                                         std::move_only_function<void()> call) {
  auto core = std::make_unique<SignalCore>(std::move(call));
  core->handle.data = core.get();
  int status = uv_signal_init(impl_->event_loop->uv_loop(), &core->handle);
  if (status != 0) return std::unexpected(net::io_error("signal", status));
  // From here on the handle is known to the loop and goes through its close callback only.
  SignalCore* const raw = core.release();
  Registration registration(std::make_unique<SignalRegistration>(raw));
  status = uv_signal_start(
      &raw->handle, [](uv_signal_t* handle, int) { static_cast<SignalCore*>(handle->data)->call(); },
      signal_number);
  if (status == UV_EINVAL) {
    return std::unexpected(Error{.code = ErrorCode::kInvalidArgument,
                                 .what = "signal cannot be caught",
                                 .detail = std::to_string(signal_number)});
  }
  if (status != 0) return std::unexpected(net::io_error("signal", status));
  return registration;
}

}  // namespace ingress
