// Layer 4: connections that are passed on byte by byte, whole listeners of them or by the server name in the
// TLS handshake. Part of the typed model (IR): plain values, compared with ==.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingress/origin.h"
#include "ingress/route.h"

namespace ingress {

enum class StreamTls : std::uint8_t {
  kNone,         // every connection of a listener, unread
  kPassthrough,  // TLS that the backend terminates: chosen by the name in the ClientHello, which it gets too
  kTerminate,    // TLS that the listener terminates; the backend gets what was in it, by its Cluster::tls
};

// What one listener does with connections that are no HTTP. Without TLS it takes all of the listener's; with
// it those whose server name (SNI, RFC 6066 3) matches, and the listener serves the others as if it were not
// there: HTTPS where it has Listener::tls, else they are closed.
struct StreamRoute {
  std::string name;      // unique among stream routes
  std::string listener;  // Listener::name
  StreamTls tls = StreamTls::kNone;
  // As Certificate::server_names: the most specific one counts, of routes that have the same the first by
  // name. None: every connection that no other route of the listener takes, with or without a server name.
  std::vector<std::string> server_names = {};
  // By weight, for each connection anew; one with a `failure` closes its share.
  std::vector<BackendRef> backends = {};
  std::chrono::milliseconds idle_timeout{3'600'000};  // nothing goes in either direction; 0 = never
  std::uint32_t max_connections = 0;  // in the whole process; more are closed at once; 0 = no limit
  Origin origin = {};
  friend bool operator==(const StreamRoute&, const StreamRoute&) = default;
};

}  // namespace ingress
