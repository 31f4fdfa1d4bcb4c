// The process that proxyd starts as: it starts the others, and keeps for them what must outlive them.
// Listening sockets, the last configuration as bytes that it never reads, the access log. One thread, no
// event loop, no network code but the binding of sockets; process 1 of a container.
//
// Owner: main. Always true: a child that was ready once is started again whenever it ends; the sockets that
// it accepted on stay open meanwhile.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "proxyd/process/child_process.h"
#include "proxyd/process/message.h"
#include "proxyd/process/owned_fd.h"
#include "proxyd/process/socket_store.h"

namespace proxyd {

struct SupervisorOptions {
  std::vector<const char*> roles;     // of the children, kServingName first
  std::string access_log = "stdout";  // a path, "stdout" or "off"
  char* const* argv = nullptr;        // of the children
};

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions options) : options_(std::move(options)) {}
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Returns the exit code of the daemon.
  int run();

 private:
  using Clock = RestartClock::Clock;

  struct Child {
    const char* role = kServingName;
    pid_t pid = -1;  // none while it waits to be started
    OwnedFd channel;
    OwnedFd link;  // its end of a stream to the other, until it asks
    RestartClock clock;
    std::optional<Clock::time_point> next_start;
    bool was_ready = false;
  };

  bool set_up();
  bool start(Child& child);
  void start_due();
  int milliseconds_to_wait() const;
  void wait_for_events();
  void on_signals();
  void forward(int signal_number);
  void reap();
  void on_end(Child& child, int status);
  void decide(Child& child, int status);
  void finish(int code);
  void on_message(Child& child);
  ProcessMessage answer(Child& child, ProcessMessage& question);
  ProcessMessage open_sockets(const ingress::SocketRequest& request);
  ProcessMessage open_log();
  ProcessMessage open_link(Child& child);
  ProcessMessage keep_config(ProcessMessage& question);
  void send(Child& child, ProcessMessage message);

  SupervisorOptions options_;
  OwnedFd signals_;
  std::vector<Child> children_;
  SocketStore sockets_;
  OwnedFd config_;  // a sealed memfd, the newest
  enum class Life : unsigned char { kRunning, kStopping, kEnding };
  Life life_ = Life::kRunning;
  int exit_code_ = 0;
  Clock::time_point kill_at_;  // with kEnding
};

}  // namespace proxyd
