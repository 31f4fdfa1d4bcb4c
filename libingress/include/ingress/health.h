// How the health of a cluster's endpoints is found out. Part of the typed model (IR).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace ingress {

enum class HealthCheckType : std::uint8_t {
  kHttp,  // a GET that has to be answered with an expected status
  kTcp,   // a connection that has to come about
  kGrpc,  // a call of grpc.health.v1.Health/Check that has to be answered with SERVING
};

struct StatusRange {
  std::uint16_t first = 0, last = 0;  // both included
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};

// Active checks: each endpoint is probed by one worker of the process. Until the first verdict an endpoint
// counts as healthy.
struct HealthCheck {
  HealthCheckType type = HealthCheckType::kHttp;
  std::string path = "/";                           // of the request, with its query
  std::string host = {};                            // its Host; empty = address and port of the endpoint
  std::vector<StatusRange> expected_statuses = {};  // none: 200
  std::string grpc_service = {};                    // whose health is asked for; empty = the server's
  std::chrono::milliseconds interval{5'000};        // end of a probe to start of the next
  std::chrono::milliseconds interval_jitter{0};     // up to so much is added, by chance
  std::chrono::milliseconds timeout{1'000};         // connection and answer together
  std::uint32_t unhealthy_threshold = 3;            // failures in a row that make an endpoint unhealthy
  std::uint32_t healthy_threshold = 2;              // successes in a row that make it healthy again
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

// Passive checks: endpoints whose answers are worse than they should be get no requests for a while.
struct OutlierDetection {
  std::uint32_t consecutive_5xx = 5;                // of one worker; no answer counts as well; 0 = off
  std::uint32_t consecutive_gateway_failure = 0;    // the same with 502, 503, 504 and no answer only; 0 = off
  std::uint32_t success_rate_minimum_hosts = 5;     // that had enough requests to be compared; 0 = off
  std::uint32_t success_rate_request_volume = 100;  // requests in an interval to be compared
  std::uint32_t success_rate_stdev_factor = 1'900;  // thousandths: below mean - 1.9 * stdev is ejected
  std::chrono::milliseconds interval{10'000};       // of comparing, and of letting endpoints back in
  std::chrono::milliseconds base_ejection_time{30'000};  // times the number of ejections in a row
  std::chrono::milliseconds max_ejection_time{300'000};
  std::uint32_t max_ejection_percent = 10;  // of the endpoints at once, in the process; one may always be
  friend bool operator==(const OutlierDetection&, const OutlierDetection&) = default;
};

}  // namespace ingress
