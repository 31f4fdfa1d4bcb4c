// What a daemon needs of an event loop: posted calls, timers, watched paths, signals.
//
// Owner: the application. Thread: the one that calls run(); only post() and stop() may be called
// from others. Always true: no callback runs inside the call that registered it.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "ingress/error.h"
#include "ingress/export.h"

namespace ingress {

class INGRESS_EXPORT Loop {
 public:
  // Ends what it stands for when destroyed; must be destroyed on the loop's thread, before the Loop.
  class INGRESS_EXPORT Registration {
   public:
    struct Impl;
    Registration();
    explicit Registration(std::unique_ptr<Impl> impl);
    Registration(Registration&&) noexcept;
    Registration& operator=(Registration&&) noexcept;
    ~Registration();
    explicit operator bool() const { return impl_ != nullptr; }

   private:
    std::unique_ptr<Impl> impl_;
  };

  static std::expected<std::unique_ptr<Loop>, Error> create();
  ~Loop();

  // Runs until stop(). Returns at once when stop() came first. May be called again.
  void run();
  // Makes run() return after the current callback. Any thread.
  void stop();
  // Runs `call` once on the loop's thread, in order of posting. Any thread. Calls still queued when
  // the loop is destroyed are dropped.
  void post(std::move_only_function<void()> call);

  // Calls `call` once after `delay`, or every `period`; to about 10 ms, never early. A callback may destroy
  // its own registration, as with all of those below.
  [[nodiscard]] Registration after(std::chrono::milliseconds delay, std::move_only_function<void()> call);
  [[nodiscard]] Registration every(std::chrono::milliseconds period, std::move_only_function<void()> call);
  // Calls `call` when the directory or file changes (inotify); several changes may give one call, and
  // a call may come without a visible change. What is replaced under the same name (renamed over, made
  // anew, a symlink that turns) is watched from then on; only the parent directory must stay. Fails with
  // kIo when the path or its parent cannot be watched.
  [[nodiscard]] std::expected<Registration, Error> watch_path(const std::string& path,
                                                              std::move_only_function<void()> call);
  // Calls `call` each time the process gets the signal; replaces its default action meanwhile.
  [[nodiscard]] std::expected<Registration, Error> on_signal(int signal_number,
                                                             std::move_only_function<void()> call);

  struct Impl;
  Impl& impl() { return *impl_; }  // for the library itself

 private:
  explicit Loop(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ingress
