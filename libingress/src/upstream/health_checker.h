// Probes endpoints: a request, a call of gRPC or a connection every interval, and what the results in a row
// say.
//
// Owner: a worker. Thread: its.
// Caller: set() with the endpoints that are this worker's to probe, at each change of a cluster.
// Always true: one probe per endpoint at a time, each on a connection of its own that is closed after it, so
// that a backend which accepts no more is found out; probes count towards no limit of the cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingress/cluster.h"
#include "net/loop.h"
#include "upstream/balancer.h"
#include "upstream/connector.h"

namespace ingress::upstream {

enum class Health : std::uint8_t { kUnprobed, kHealthy, kUnhealthy };

// What results in a row make of an endpoint. The first success settles it; the first failure does not.
class HealthStreak {
 public:
  enum class Result : std::uint8_t { kSuccess, kFailure };
  // The new health when this result changes it.
  std::optional<Health> note(Result result, const HealthCheck& settings);
  Health health() const { return health_; }

 private:
  Health health_ = Health::kUnprobed;
  std::uint32_t num_in_row_ = 0;  // results that speak against health_
};

// Whether a status is one of those that `settings` expects.
bool is_expected(std::uint16_t status, const HealthCheck& settings);

class HealthChecker {
 public:
  // Told when the health of an endpoint changes, from the loop; `reason` is a token: "status_500", "timeout".
  using OnVerdict =
      std::function<void(const std::string& cluster, const Endpoint&, Health, std::string_view reason)>;
  HealthChecker(net::EventLoop& loop, Connector& connector, std::uint64_t seed, OnVerdict on_verdict);
  ~HealthChecker();

  // Probes `endpoints` of `cluster`, which has a health_check, and no others of that name any more, speaking
  // to them as `tls` says (null: plain). Those that were probed alike before go on where they are.
  void set(const Cluster& cluster, std::span<const Endpoint> endpoints,
           const tls::ClientContextPtr& tls = nullptr);
  void remove(const std::string& cluster);

 private:
  class Probe;
  net::EventLoop& loop_;
  Connector& connector_;
  Random random_;
  OnVerdict on_verdict_;
  std::unordered_map<std::string, std::vector<std::unique_ptr<Probe>>> probes_;  // by cluster
};

}  // namespace ingress::upstream
