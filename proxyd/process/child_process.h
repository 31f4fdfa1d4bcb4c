// One child of the supervisor: this very program, started anew with descriptors at fixed numbers.
//
// Owner: Supervisor. Thread: its only one. Always true: the kernel ends the child when the supervisor ends.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <chrono>
#include <expected>
#include <string>

#include "proxyd/process/owned_fd.h"

namespace proxyd {

// How a child learns what it is: take_child_setup().
inline constexpr const char* kChildRoleVariable = "PROXYD_CHILD_ROLE";
inline constexpr const char* kChildFdsVariable = "PROXYD_CHILD_FDS";
inline constexpr const char* kServingName = "serving";
inline constexpr const char* kControllerName = "controller";
inline constexpr int kSupervisorFd = 3, kConfigFd = 4;
inline constexpr int kConfigSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

// What a new child inherits; -1 = nothing.
struct ChildStart {
  const char* role = kServingName;
  char* const* argv = nullptr;
  int config = -1;
};
struct StartedChild {
  pid_t pid = -1;
  OwnedFd channel;  // the supervisor's end
};
// Fails with a sentence.
std::expected<StartedChild, std::string> start_child(const ChildStart& start);

// When a child that ended is started again: at once, unless it lived less than a second; then later each
// time, three seconds at most, with jitter.
class RestartClock {
 public:
  using Clock = std::chrono::steady_clock;
  void on_start(Clock::time_point now) { started_ = now; }
  Clock::time_point on_end(Clock::time_point now);

 private:
  Clock::time_point started_;
  unsigned num_short_ = 0;
};

}  // namespace proxyd
