// Counters of layer 4 in one worker: written by its thread only, read by any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/counter.h"

namespace ingress::proxy {

// Why a connection of a listener with stream routes came to nothing.
enum class StreamRefusal : std::uint8_t {
  kHelloTimeout,      // its first bytes did not come in time
  kHelloLeft,         // it ended before they had
  kNotTls,            // no ClientHello, and the listener has no TLS
  kUnrecognizedName,  // no route takes it, and the listener has no TLS
  kHandshakes,        // too many unfinished ones
  kTls,               // the handshake failed
  kMaxConnections,    // of the route
  kNoBackends,        // a share that fails, or no share at all
  kNoEndpoints,
  kCircuitOpen,  // max_connections of the cluster
  kConnect,      // no endpoint that was tried could be connected to
};
inline constexpr std::size_t kNumStreamRefusals = static_cast<std::size_t>(StreamRefusal::kConnect) + 1;
std::string_view to_string(StreamRefusal why);

struct StreamCounters {
  base::Counter opened, open;  // connections with a backend
  base::Counter client_bytes, backend_bytes;
  base::Counter retries;  // another endpoint tried
  std::array<base::Counter, kNumStreamRefusals> refused;
  void refuse(StreamRefusal why) { refused[static_cast<std::size_t>(why)].add(); }
};

}  // namespace ingress::proxy
