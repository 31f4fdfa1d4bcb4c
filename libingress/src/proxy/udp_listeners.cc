#include "proxy/udp_listeners.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <utility>

namespace ingress::proxy {

std::string_view to_string(UdpDrop drop) {
  switch (drop) {
    case UdpDrop::kMaxSessions:
      return "max_sessions";
    case UdpDrop::kMaxSessionsPerSource:
      return "max_sessions_per_source";
    case UdpDrop::kNoDescriptors:
      return "no_descriptors";
    case UdpDrop::kDraining:
      return "draining";
    case UdpDrop::kNoBackend:
      return "no_backend";
    case UdpDrop::kNoEndpoints:
      return "no_endpoints";
    case UdpDrop::kResolving:
      return "resolving";
    case UdpDrop::kResolveFailed:
      return "resolve_failed";
    case UdpDrop::kAddressRefused:
      return "address_refused";
    case UdpDrop::kConnectFailed:
      return "connect_failed";
    case UdpDrop::kNoRoom:
      return "no_room";
    case UdpDrop::kSendFailed:
      return "send_failed";
  }
  return "";
}

namespace {

std::uint64_t num_local_ports() {
  constexpr std::uint64_t kUsual = 60'999 - 32'768 + 1;
  std::ifstream range("/proc/sys/net/ipv4/ip_local_port_range");
  std::uint64_t first = 0, last = 0;
  return range >> first >> last && last >= first ? last - first + 1 : kUsual;
}

}  // namespace

std::uint64_t max_udp_sessions(unsigned num_workers) {
  // A port that connections and resolvers need as well: of those that the kernel gives away.
  std::uint64_t most = num_local_ports();
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    most = std::min<std::uint64_t>(most, limit.rlim_cur);
  return most / 2 / std::max(num_workers, 1U);
}

void UdpListeners::adopt(const Snapshot& snapshot) {
  std::erase_if(relays_, [&](const std::unique_ptr<UdpRelay>& relay) {
    const auto found = std::ranges::find(snapshot.udp_listeners, relay->bound(), &UdpListenerEntry::bound);
    if (found != snapshot.udp_listeners.end()) return false;
    relay->close("listener_removed");
    return true;
  });
  for (const UdpListenerEntry& entry : snapshot.udp_listeners) {
    const auto found =
        std::ranges::find(relays_, entry.bound, [](const auto& relay) { return relay->bound(); });
    if (found != relays_.end()) {
      (*found)->update(entry);
    } else {
      open(entry);
    }
  }
}

void UdpListeners::open(const UdpListenerEntry& entry) {
  int fd = entry.bound->take(services_.worker_index);
  if (fd >= 0 && stage_ == Stage::kClosed) ::close(std::exchange(fd, -1));
  relays_.push_back(std::make_unique<UdpRelay>(services_, entry, fd, on_quiet_));
  if (stage_ != Stage::kServing) relays_.back()->stop_beginning();
}

void UdpListeners::begin_drain() {
  if (stage_ == Stage::kServing) stage_ = Stage::kDraining;
  for (const auto& relay : relays_) relay->stop_beginning();
}

void UdpListeners::close() {
  stage_ = Stage::kClosed;
  for (const auto& relay : relays_) relay->close("drain");
}

bool UdpListeners::is_empty() const {
  return std::ranges::all_of(relays_, [](const auto& relay) { return relay->num_sessions() == 0; });
}

}  // namespace ingress::proxy
