// What a worker counts of datagrams.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/counter.h"

namespace ingress::proxy {

// Why a datagram was not passed on.
enum class UdpDrop : std::uint8_t {
  kMaxSessions,
  kMaxSessionsPerSource,
  kNoDescriptors,   // of those that sessions may have, none is left
  kDraining,        // it would have begun a session while the server stops
  kNoBackend,       // no weights, or a share with a failure
  kNoEndpoints,     // the cluster has none to choose from
  kResolving,       // the address of the backend was not known in time, or too many waited for it
  kResolveFailed,   // that address is not to be had
  kAddressRefused,  // or may not be sent to (LocalBackends)
  kConnectFailed,   // no socket towards the backend
  kNoRoom,          // the kernel's buffer for sending is full
  kSendFailed,
};
inline constexpr std::size_t kNumUdpDrops = static_cast<std::size_t>(UdpDrop::kSendFailed) + 1;
std::string_view to_string(UdpDrop drop);

// Written by the worker's thread only.
struct UdpCounters {
  base::Counter sessions, sessions_open;
  base::Counter client_datagrams, client_bytes;    // passed on to backends
  base::Counter backend_datagrams, backend_bytes;  // passed on to clients
  std::array<base::Counter, kNumUdpDrops> dropped;
  void drop(UdpDrop why, std::uint64_t count = 1) { dropped[static_cast<std::size_t>(why)].add(count); }
};

}  // namespace ingress::proxy
