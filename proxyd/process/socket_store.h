// The listening sockets of the daemon, made once and kept while processes that accept on them come and go: a
// client that connects while none is there waits in the kernel's queue.
//
// Owner: Supervisor. Thread: its only one. Always true: at most kMaxAddresses, each of one request.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "ingress/server.h"
#include "proxyd/process/owned_fd.h"

namespace proxyd {

class SocketStore {
 public:
  static constexpr std::size_t kMaxAddresses = 1024;
  static constexpr unsigned kMaxSockets = 1024;  // of one address

  struct Held {
    std::vector<OwnedFd> fds;
    std::uint16_t port = 0;
  };
  // Those of before for the same request, or new ones. The value lives until the next call. Fails with a
  // sentence.
  std::expected<const Held*, std::string> open(const ingress::SocketRequest& request);
  void give_up(const ingress::SocketRequest& request);
  void give_up_all() { held_.clear(); }
  std::size_t size() const { return held_.size(); }

 private:
  std::vector<std::pair<ingress::SocketRequest, Held>> held_;
};

}  // namespace proxyd
