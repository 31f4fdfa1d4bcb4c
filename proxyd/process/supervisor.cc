#include "proxyd/process/supervisor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "proxyd/log.h"
#include "proxyd/log_file.h"

namespace proxyd {
namespace {

// For those that are left when there is nothing to do for them.
constexpr std::chrono::seconds kPatience{3};
constexpr std::array kSignals = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("code {}", WEXITSTATUS(status));
}

}  // namespace

int Supervisor::run() {
  if (!set_up()) return 1;
  for (const char* role : options_.roles) children_.emplace_back().role = role;
  for (Child& child : children_) {
    if (!start(child)) return 1;
  }
  while (
      std::ranges::any_of(children_, [](const Child& child) { return child.pid > 0 || child.next_start; })) {
    wait_for_events();
    if (life_ == Life::kRunning) start_due();
    if (life_ == Life::kStopping && children_.front().pid < 0) finish(0);  // it was between two lives
    if (life_ == Life::kEnding && Clock::now() >= kill_at_) forward(SIGKILL);
  }
  return exit_code_;
}

bool Supervisor::set_up() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kSignals) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signals_.reset(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) log_line(fmt::format("signalfd: {}", std::strerror(errno)));
  return static_cast<bool>(signals_);
}

bool Supervisor::start(Child& child) {
  child.next_start.reset();
  const bool is_serving = child.role == std::string_view(kServingName);
  auto started =
      start_child({.role = child.role, .argv = options_.argv, .config = is_serving ? config_.get() : -1});
  child.clock.on_start(Clock::now());
  if (!started) {
    log_line(fmt::format("cannot start the {} process: {}", child.role, started.error()));
    child.next_start = child.clock.on_end(Clock::now());
    return false;
  }
  child.pid = started->pid;
  child.channel = std::move(started->channel);
  return true;
}

void Supervisor::start_due() {
  for (Child& child : children_) {
    if (child.next_start && *child.next_start <= Clock::now()) start(child);
  }
}

int Supervisor::milliseconds_to_wait() const {
  int wait = life_ == Life::kEnding ? 100 : -1;
  for (const Child& child : children_) {
    if (!child.next_start) continue;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*child.next_start - Clock::now());
    const int due = std::max(0, static_cast<int>(left.count()));
    wait = wait < 0 ? due : std::min(wait, due);
  }
  return wait;
}

void Supervisor::wait_for_events() {
  std::vector<pollfd> watched = {{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
  // A descriptor below 0 is passed over.
  for (const Child& child : children_)
    watched.push_back({.fd = child.channel.get(), .events = POLLIN, .revents = 0});
  if (::poll(watched.data(), watched.size(), milliseconds_to_wait()) < 0) return;
  // What a child asked before it ended comes before its end.
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (watched[i + 1].revents != 0) on_message(children_[i]);
  }
  if (watched[0].revents != 0) on_signals();
}

void Supervisor::on_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) continue;
    if (number != SIGHUP && life_ == Life::kRunning) life_ = Life::kStopping;
    forward(number);
  }
  reap();
}

void Supervisor::forward(int signal_number) {
  for (Child& child : children_) {
    if (child.pid > 0) {
      ::kill(child.pid, signal_number);
    } else if (life_ != Life::kRunning) {
      child.next_start.reset();
    }
  }
}

// Orphans too: whoever loses its parent in a container becomes a child of process 1.
void Supervisor::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto child = std::ranges::find(children_, pid, &Child::pid);
    if (child != children_.end()) on_end(*child, status);
  }
}

void Supervisor::on_end(Child& child, int status) {
  // What it asked last is still there to be read: that it was ready, for one.
  while (child.channel && child.pid > 0) {
    pollfd left{.fd = child.channel.get(), .events = POLLIN, .revents = 0};
    if (::poll(&left, 1, 0) <= 0 || (left.revents & POLLIN) == 0) break;
    on_message(child);
  }
  child.pid = -1;
  child.channel.reset();
  decide(child, status);
}

void Supervisor::decide(Child& child, int status) {
  const bool is_serving = child.role == std::string_view(kServingName);
  const bool is_failed_start = WIFEXITED(status) && WEXITSTATUS(status) != 0 && !child.was_ready;
  if (life_ == Life::kEnding) return;
  if (is_failed_start) return finish(WEXITSTATUS(status));
  if (life_ == Life::kStopping) {
    if (!is_serving) return;
    const bool is_in_order =
        WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGINT);
    if (!is_in_order && !(WIFEXITED(status) && WEXITSTATUS(status) == 0))
      log_line(fmt::format("the serving process ended with {}", how_it_ended(status)));
    return finish(WIFSIGNALED(status) ? (is_in_order ? 0 : 1) : WEXITSTATUS(status));
  }
  log_line(fmt::format("the {} process ended with {}; starting it again", child.role, how_it_ended(status)));
  child.next_start = child.clock.on_end(Clock::now());
}

// Nothing is left to do for the others.
void Supervisor::finish(int code) {
  life_ = Life::kEnding;
  exit_code_ = code;
  sockets_.give_up_all();
  // Two signals, which do not become one on their way: the first is for draining, the second ends it.
  forward(SIGTERM);
  forward(SIGINT);
  kill_at_ = Clock::now() + kPatience;
}

void Supervisor::on_message(Child& child) {
  auto question = receive_message(child.channel.get(), Waiting::kNo);
  if (!question) {
    if (question.error() == EAGAIN) return;
    // Its end is on its way, or it speaks nonsense: then it ends too.
    if (question.error() == EBADMSG && child.pid > 0) ::kill(child.pid, SIGKILL);
    return child.channel.reset();
  }
  send(child, answer(child, *question));
}

ProcessMessage Supervisor::answer(Child& child, ProcessMessage& question) {
  using Kind = ProcessMessage::Kind;
  const std::size_t end = std::min(question.text.find('\0'), question.text.size());
  const ingress::SocketRequest request{
      .protocol = question.protocol == 0 ? ingress::ListenerProtocol::kTcp : ingress::ListenerProtocol::kUdp,
      .address = question.text.substr(0, end),
      .port = question.port,
      .listener = end == question.text.size() ? std::string() : question.text.substr(end + 1),
      .count = question.count};
  switch (question.kind) {
    case Kind::kOpenSockets:
      return open_sockets(request);
    case Kind::kGiveUpSockets:
      sockets_.give_up(request);
      return {.kind = Kind::kDone};
    case Kind::kOpenLog:
      return open_log();
    case Kind::kOpenLink:
      return open_link(child);
    case Kind::kKeepConfig:
      return keep_config(question);
    case Kind::kReady:
      child.was_ready = true;
      return {.kind = Kind::kDone};
    case Kind::kDone:
    case Kind::kFailed:
      break;
  }
  return {.kind = Kind::kFailed, .text = "not a question"};
}

ProcessMessage Supervisor::open_sockets(const ingress::SocketRequest& request) {
  const auto held = sockets_.open(request);
  if (!held)
    return {.kind = ProcessMessage::Kind::kFailed,
            .text = held.error().substr(0, ProcessMessage::kMaxTextBytes)};
  ProcessMessage done{.port = (*held)->port, .count = static_cast<std::uint32_t>((*held)->fds.size())};
  for (const OwnedFd& fd : (*held)->fds) {
    done.fds.emplace_back(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
    if (!done.fds.back())
      return {.kind = ProcessMessage::Kind::kFailed, .text = fmt::format("fcntl: {}", std::strerror(errno))};
  }
  return done;
}

ProcessMessage Supervisor::open_log() {
  if (options_.access_log == "off")
    return {.kind = ProcessMessage::Kind::kFailed, .text = "there is no access log"};
  auto opened = open_log_file(options_.access_log);
  if (!opened)
    return {.kind = ProcessMessage::Kind::kFailed,
            .text = opened.error().substr(0, ProcessMessage::kMaxTextBytes)};
  ProcessMessage done{.count = 1};
  done.fds.emplace_back(*opened);
  return done;
}

// Who asks first gets a new pair, and the other the rest of it: both ask whenever their end is closed, so
// that they meet whichever of them was started again.
ProcessMessage Supervisor::open_link(Child& child) {
  const auto other = std::ranges::find_if(children_, [&](const Child& one) { return &one != &child; });
  if (other == children_.end())
    return {.kind = ProcessMessage::Kind::kFailed, .text = "there is no other process"};
  ProcessMessage done{.count = 1};
  if (child.link) {
    done.fds.push_back(std::move(child.link));
    return done;
  }
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0)
    return {.kind = ProcessMessage::Kind::kFailed,
            .text = fmt::format("socketpair: {}", std::strerror(errno))};
  done.fds.emplace_back(ends[0]);
  other->link.reset(ends[1]);
  return done;
}

// Bytes that nobody can change any more, or they would not be what the child said.
ProcessMessage Supervisor::keep_config(ProcessMessage& question) {
  if (question.fds.size() != 1 || fcntl(question.fds.front().get(), F_GET_SEALS) != kConfigSeals)
    return {.kind = ProcessMessage::Kind::kFailed, .text = "not a sealed memfd"};
  config_ = std::move(question.fds.front());
  return {};
}

// Never waits: a child that does not read what it asked for is ended, and started again.
void Supervisor::send(Child& child, ProcessMessage message) {
  std::vector<OwnedFd> fds = std::move(message.fds);
  auto next = fds.begin();
  do {
    message.fds.clear();
    while (next != fds.end() && message.fds.size() < ProcessMessage::kMaxFds)
      message.fds.push_back(std::move(*next++));
    if (send_message(child.channel.get(), message, Waiting::kNo)) continue;
    if (child.pid > 0) ::kill(child.pid, SIGKILL);
    return child.channel.reset();
  } while (next != fds.end());
}

}  // namespace proxyd
