// What a server knows of its clusters at the moment, as plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ingress {

enum class EndpointCondition : std::uint8_t {
  kUnprobed,   // no verdict of a health check, or none is configured; counts as healthy
  kHealthy,    // its health check passes
  kUnhealthy,  // its health check fails
  kEjected,    // outlier detection has taken it out for a while, whatever its health check says
};

struct EndpointStatus {
  std::string address;
  std::uint16_t port = 0;
  EndpointCondition condition = EndpointCondition::kUnprobed;
  std::string reason = {};  // a token, of the last change: "status_500", "consecutive_5xx"; may be empty
  std::int64_t since_unix_ms = 0;      // of the last change; 0 = never changed
  std::uint32_t active_requests = 0;   // all workers together
  std::uint32_t idle_connections = 0;  // kept for the next request
};

struct LimitStatus {
  std::uint32_t limit = 0;  // 0 = none
  std::uint32_t current = 0;
  std::uint64_t overflows = 0;
};

struct ClusterStatus {
  std::string name;
  std::vector<EndpointStatus> endpoints = {};  // in the order of the configuration
  bool is_panicking = false;                   // so few may get requests that all of them do
  LimitStatus max_connections = {}, max_pending_requests = {}, max_requests = {}, max_retries = {};
};

}  // namespace ingress
