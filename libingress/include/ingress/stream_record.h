// What is known of a connection or UDP session that was passed on byte by byte, when it has ended.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

namespace ingress {

// Views are valid during the call.
struct StreamRecord {
  std::int64_t started_unix_us = 0;
  std::string_view client_address;  // the one that a PROXY header named, where the listener has such
  std::string_view listener;
  std::uint16_t client_port = 0;
  std::string_view protocol;                                  // "tcp", "tls" or "udp"
  std::string_view server_name;                               // as asked for in the handshake; empty = none
  std::uint64_t client_bytes = 0;                             // from the client, passed on
  std::uint64_t backend_bytes = 0;                            // from the backend, passed on
  std::uint64_t client_datagrams = 0, backend_datagrams = 0;  // of UDP
  std::chrono::microseconds duration{0};
  std::string_view upstream_address;  // "10.0.0.1:53"; empty = none was connected to
  std::string_view cluster, route;
  std::string_view why;         // token, when it did not end by the ends of both sides: "idle_timeout"
  std::string_view why_detail;  // refines it; may be empty
};

}  // namespace ingress
