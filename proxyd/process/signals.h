// The signals of a process of the daemon.
// Lifetime: made before, and so destroyed after, everything whose threads could get a signal: one that comes
// late in the shutdown must not kill the process. attach() comes before the loop runs.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "ingress/loop.h"

namespace proxyd {

class Signals {
 public:
  struct Calls {
    std::function<void()> on_stop;      // SIGTERM or SIGINT, the first
    std::function<void()> on_stop_now;  // and every one after it
    std::function<void()> on_hangup;    // SIGHUP
  };
  explicit Signals(ingress::Loop& loop) {
    for (const int number : {SIGTERM, SIGINT})
      add(loop, number,
          [this] { std::exchange(is_stopping_, true) ? calls_.on_stop_now() : calls_.on_stop(); });
    add(loop, SIGHUP, [this] { calls_.on_hangup(); });
  }
  void attach(Calls calls) { calls_ = std::move(calls); }
  // Empty when all went well.
  const std::string& error() const { return error_; }

  // From here on these signals wait for ever: the process is about to end with the code that it has earned.
  static void block() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }

 private:
  void add(ingress::Loop& loop, int number, std::move_only_function<void()> call) {
    auto registration = loop.on_signal(number, std::move(call));
    if (registration) {
      registrations_.push_back(std::move(*registration));
    } else {
      error_ = "cannot handle signals: " + registration.error().text();
    }
  }

  std::vector<ingress::Loop::Registration> registrations_;
  Calls calls_;
  std::string error_;
  bool is_stopping_ = false;
};

}  // namespace proxyd
