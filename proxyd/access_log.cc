#include "proxyd/access_log.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <future>
#include <thread>
#include <utility>
#include <vector>

#include "proxyd/byte_ring.h"
#include "proxyd/log_line.h"
#include "proxyd/stream_log_line.h"

namespace proxyd {
namespace {

// The writer looks for lines this often while there are some, and half as often after each look in vain.
// Polling spares the workers a fence or system call per line; a busy second costs 20 looks, an idle one 4.
constexpr int kBusyPollMs = 50;
constexpr int kIdlePollMs = 250;
constexpr std::chrono::seconds kCloseWait{1};
// A worker's line buffer is given back beyond this, so that one huge request line does not stay.
constexpr std::size_t kMaxKeptLineBytes = 64 * 1024;

struct alignas(64) WorkerLog {
  explicit WorkerLog(std::size_t ring_bytes) : ring(ring_bytes) {}
  ByteRing ring;
  std::string line;  // the worker's scratch
  TimeText time;
  // Written by the worker only; relaxed, as it orders nothing.
  std::atomic<std::uint64_t> num_dropped{0};
};

std::uint64_t num_lines(std::string_view text) {
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace

// Shared by the AccessLog and its writer thread, which may outlive it.
struct AccessLog::State {
  State(const Options& options, LogFile opened, int fd)
      : log(options.log), file(std::move(opened)), event_fd(fd) {
    for (unsigned i = 0; i < options.workers; ++i)
      workers.push_back(std::make_unique<WorkerLog>(options.ring_bytes));
  }
  ~State() { ::close(event_fd); }

  void wake() const {
    const std::uint64_t one = 1;
    // Fails only when the counter is at its end: then the writer has wake-ups enough.
    if (::write(event_fd, &one, sizeof one) < 0) return;
  }
  void push_line(WorkerLog& from) const;
  void run();
  bool drain();
  void reopen_file();

  std::function<void(std::string_view)> log;
  LogFile file;
  int event_fd;
  std::vector<std::unique_ptr<WorkerLog>> workers;
  std::atomic<bool> should_stop{false}, should_reopen{false};
  std::atomic<std::uint64_t> num_unwritten{0};  // lines that the file refused
  bool is_failing = false;                      // said once per row of failures
  std::promise<void> ended;
  std::future<void> has_ended = ended.get_future();
};

std::expected<std::shared_ptr<AccessLog>, std::string> AccessLog::create(Options options) {
  auto file = LogFile::open(options.target, options.open);
  if (!file) return std::unexpected(file.error());
  const int event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd < 0) return std::unexpected(fmt::format("eventfd: {}", std::strerror(errno)));
  auto state = std::make_shared<State>(options, std::move(*file), event_fd);
  // The writer takes no signals: they are for threads that run a loop, and it may outlive their handlers.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread([state] {
    state->run();
    state->ended.set_value();
  }).detach();
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::shared_ptr<AccessLog>(new AccessLog(std::move(state)));
}

AccessLog::~AccessLog() {
  state_->should_stop.store(true, std::memory_order_release);
  state_->wake();
  state_->has_ended.wait_for(kCloseWait);
}

void AccessLog::write(unsigned worker, const ingress::ExchangeRecord& record) {
  WorkerLog& log = *state_->workers[worker];
  log.line.clear();
  append_log_line(log.line, record, log.time);
  state_->push_line(log);
}

void AccessLog::write_stream(unsigned worker, const ingress::StreamRecord& record) {
  WorkerLog& log = *state_->workers[worker];
  log.line.clear();
  append_stream_log_line(log.line, record, log.time);
  state_->push_line(log);
}

void AccessLog::State::push_line(WorkerLog& from) const {
  const ByteRing::Pushed pushed = from.ring.push(from.line);
  if (pushed == ByteRing::Pushed::kNo) {
    from.num_dropped.store(from.num_dropped.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  } else if (pushed == ByteRing::Pushed::kHalfFull) {
    wake();
  }
  if (from.line.capacity() > kMaxKeptLineBytes) std::string().swap(from.line);
}

void AccessLog::reopen() {
  state_->should_reopen.store(true, std::memory_order_release);
  state_->wake();
}

std::uint64_t AccessLog::num_dropped() const {
  std::uint64_t sum = state_->num_unwritten.load(std::memory_order_relaxed);
  for (const auto& worker : state_->workers) sum += worker->num_dropped.load(std::memory_order_relaxed);
  return sum;
}

void AccessLog::State::run() {
  int wait_ms = kBusyPollMs;
  while (true) {
    // Read before draining: lines pushed before the stop are written by the last drain.
    const bool is_last = should_stop.load(std::memory_order_acquire);
    if (should_reopen.exchange(false, std::memory_order_acq_rel)) reopen_file();
    const bool had_lines = drain();
    if (is_last) return;
    wait_ms = had_lines ? kBusyPollMs : std::min(wait_ms * 2, kIdlePollMs);
    pollfd wake_up{.fd = event_fd, .events = POLLIN, .revents = 0};
    if (poll(&wake_up, 1, wait_ms) > 0) {
      std::uint64_t count = 0;
      // Only resets the counter; nothing to read is fine.
      if (::read(event_fd, &count, sizeof count) < 0) continue;
    }
  }
}

// Writes what all rings hold now. Returns whether there was anything.
bool AccessLog::State::drain() {
  bool had_lines = false;
  for (const auto& worker : workers) {
    const auto [first, second] = worker->ring.peek();
    const std::size_t size = first.size() + second.size();
    if (size == 0) continue;
    had_lines = true;
    iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                       {const_cast<char*>(second.data()), second.size()}};
    errno = 0;
    const std::size_t written = file.write(std::span(pieces, second.empty() ? 1 : 2));
    if (written < size) {
      const int error = errno;
      const std::size_t in_first = std::min(written, first.size());
      const std::uint64_t lost =
          num_lines(first.substr(in_first)) + num_lines(second.substr(written - in_first));
      num_unwritten.store(num_unwritten.load(std::memory_order_relaxed) + lost, std::memory_order_relaxed);
      if (!is_failing && log) log(fmt::format("access log: lines are lost: {}", std::strerror(error)));
    }
    is_failing = written < size;
    worker->ring.consume(size);
  }
  return had_lines;
}

void AccessLog::State::reopen_file() {
  const auto reopened = file.reopen();
  if (!reopened && log) log(fmt::format("access log: {}; the old file stays in use", reopened.error()));
}

}  // namespace proxyd
