#include "proxyd/process/socket_store.h"

#include <algorithm>

namespace proxyd {

std::expected<const SocketStore::Held*, std::string> SocketStore::open(
    const ingress::SocketRequest& request) {
  const auto found = std::ranges::find(held_, request, &std::pair<ingress::SocketRequest, Held>::first);
  if (found != held_.end()) return &found->second;
  if (held_.size() >= kMaxAddresses) return std::unexpected("more than 1024 addresses to listen on");
  if (request.count == 0 || request.count > kMaxSockets)
    return std::unexpected("sockets of an address are 1 to 1024");
  auto opened = ingress::open_sockets(request);
  if (!opened) return std::unexpected(opened.error().text());
  Held held{.fds = {}, .port = opened->port};
  for (const int fd : opened->fds) held.fds.emplace_back(fd);
  return &held_.emplace_back(request, std::move(held)).second;
}

void SocketStore::give_up(const ingress::SocketRequest& request) {
  std::erase_if(held_, [&](const auto& entry) { return entry.first == request; });
}

}  // namespace proxyd
