// A child's line to its supervisor: questions that are answered at once, by a process that does nothing else.
//
// Owner: the daemon's child. Thread: any; one question at a time. Always true: when the supervisor is gone
// every question fails, and the kernel ends this process.
#pragma once

#include <expected>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/server.h"
#include "proxyd/process/message.h"
#include "proxyd/process/owned_fd.h"

namespace proxyd {

class SupervisorClient {
 public:
  explicit SupervisorClient(OwnedFd socket) : socket_(std::move(socket)) {}

  std::expected<ingress::OpenedSockets, ingress::Error> open_sockets(const ingress::SocketRequest& request);
  void give_up_sockets(const ingress::SocketRequest& request);
  // The access log, opened anew by its path. Fails with a sentence.
  std::expected<int, std::string> open_log();
  // Has the supervisor keep `bytes` for the process after this one. Fails with a sentence.
  std::expected<void, std::string> keep_config(std::string_view bytes);
  // An end of a stream to the other child; the other end is its, once it asks. Fails with a sentence.
  std::expected<int, std::string> open_link();
  void say_ready();

 private:
  std::expected<int, std::string> ask_for_one(ProcessMessage::Kind kind);
  std::expected<ProcessMessage, std::string> ask(const ProcessMessage& question);

  std::mutex mutex_;
  OwnedFd socket_;
};

// How this process was started by a supervisor.
struct ChildSetup {
  enum class Role : unsigned char { kServing, kController };
  Role role = Role::kServing;
  OwnedFd supervisor;
  OwnedFd config;  // what was kept by the process before; may be none
};
// Nothing when no supervisor started this process. Reads the environment, and takes out what it finds.
std::optional<ChildSetup> take_child_setup();

// All that `config` holds. Fails with a sentence.
std::expected<std::string, std::string> read_kept_config(const OwnedFd& config);

}  // namespace proxyd
