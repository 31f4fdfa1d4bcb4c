// The admin and probe addresses: a small server of its own, so that it answers while the proxy has nothing
// to serve yet, drains, or is busy.
//
// Owner: the daemon. Thread: the loop's; pages are made on the admin server's one worker.
// Caller: `proxy`, `board` and `log` outlive this object.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "ingress/loop.h"
#include "ingress/server.h"
#include "proxyd/access_log.h"
#include "proxyd/problem_board.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

class Admin {
 public:
  struct Sources {
    ingress::Server& proxy;
    ProblemBoard& board;
    AccessLog* access_log = nullptr;         // null = off
    SupervisorClient* supervisor = nullptr;  // who opens the sockets; null = nobody else
  };
  // Listens on the addresses that are set; the probe one serves only health, readiness and metrics.
  // Fails with a sentence.
  static std::expected<Admin, std::string> create(ingress::Loop& loop, Sources sources,
                                                  std::optional<ingress::Listener> admin,
                                                  std::optional<ingress::Listener> probe);
  ingress::ServerStatus status() const { return server_.status(); }

 private:
  explicit Admin(ingress::Server server) : server_(std::move(server)) {}
  ingress::Server server_;
};

}  // namespace proxyd
