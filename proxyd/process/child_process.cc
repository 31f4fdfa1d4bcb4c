#include "proxyd/process/child_process.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

namespace proxyd {
namespace {

constexpr std::chrono::milliseconds kShortLife{1000};
constexpr std::chrono::milliseconds kFirstWait{50};
constexpr std::chrono::milliseconds kLongestWait{3000};
constexpr int kAboveFixed = 64;

// What this program was started by, as long as that is still the same file: another version may be put there
// while we run. Not by /proc/self/exe alone: under valgrind that is valgrind.
class Executable {
 public:
  Executable() : path_(reinterpret_cast<const char*>(getauxval(AT_EXECFN))) {
    if (path_ == nullptr || ::stat(path_, &first_) != 0) path_ = nullptr;
  }
  const char* path() const {
    struct stat now{};
    const bool is_same = path_ != nullptr && ::stat(path_, &now) == 0 && now.st_dev == first_.st_dev &&
                         now.st_ino == first_.st_ino;
    return is_same ? path_ : "/proc/self/exe";
  }

 private:
  const char* path_;
  struct stat first_{};
};

// In the new process, which has no other thread. Returns only when it failed.
void become(const ChildStart& start, const char* executable, int channel, pid_t supervisor) {
  // Of its own, so that Ctrl-C reaches the supervisor alone, which passes it on once.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) return;  // it ended before that was set
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // Out of the way of each other first.
  std::array<std::pair<int, int>, 2> moves = {{{channel, kSupervisorFd}, {start.config, kConfigFd}}};
  for (auto& [from, to] : moves) {
    if (from >= 0) from = fcntl(from, F_DUPFD_CLOEXEC, kAboveFixed);
  }
  for (const auto& [from, to] : moves) {
    if (from >= 0 && dup2(from, to) != to) return;
  }
  std::string given = "s";
  if (start.config >= 0) given += 'c';
  ::setenv(kChildRoleVariable, start.role, 1);
  ::setenv(kChildFdsVariable, given.c_str(), 1);
  execv(executable, start.argv);
}

}  // namespace

std::expected<StartedChild, std::string> start_child(const ChildStart& start) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return std::unexpected(fmt::format("socketpair: {}", std::strerror(errno)));
  OwnedFd ours(ends[0]);
  const OwnedFd theirs(ends[1]);
  static const Executable executable;  // made by the first start, when nothing can have changed yet
  const char* path = executable.path();
  const pid_t supervisor = getpid();
  const pid_t pid = fork();
  if (pid < 0) return std::unexpected(fmt::format("fork: {}", std::strerror(errno)));
  if (pid == 0) {
    become(start, path, theirs.get(), supervisor);
    _exit(127);
  }
  return StartedChild{.pid = pid, .channel = std::move(ours)};
}

RestartClock::Clock::time_point RestartClock::on_end(Clock::time_point now) {
  if (now - started_ >= kShortLife) {
    num_short_ = 0;
    return now;
  }
  // The first death of a kind is most likely the only one.
  if (num_short_++ == 0) return now;
  const auto wait = std::min(kFirstWait * (1U << std::min(num_short_ - 2, 6U)), kLongestWait);
  std::random_device random;
  return now + wait / 2 + std::chrono::milliseconds(random() % (wait.count() / 2 + 1));
}

}  // namespace proxyd
