// Layer 4: datagrams that are passed on. Part of the typed model (IR): plain values, compared with ==.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingress/origin.h"
#include "ingress/route.h"

namespace ingress {

// A session is what comes from one address and port of a client to one address of ours: it has one backend,
// whose answers go back to it from there. It stays with its backend and its worker whatever else changes, for
// as long as the listener is there and the backend does not refuse it (ICMP: nobody listens on that port).
// Keyed by (address, port), which a Listener may have as well.
struct UdpListener {
  std::string name;                 // unique among UDP listeners
  std::string address = "0.0.0.0";  // IPv4, or IPv6 without brackets
  std::uint16_t port = 0;           // 0 = any free port; Server::status() tells which
  // By weight, for each session anew; a share with a `failure` is dropped.
  std::vector<BackendRef> backends = {};
  std::chrono::milliseconds idle_timeout{60'000};  // a session without datagrams ends
  // Datagrams that would begin more sessions are dropped: of each worker; of one source (an IPv4 address or
  // an IPv6 network of 64 bits) with each worker, 0 = no limit.
  std::uint32_t max_sessions = 65'536;
  std::uint32_t max_sessions_per_source = 0;
  Origin origin = {};
  friend bool operator==(const UdpListener&, const UdpListener&) = default;
};

}  // namespace ingress
