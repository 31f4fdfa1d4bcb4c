// What one worker knows about one endpoint: load and idle connections. Survives configuration changes.
//
// Owner: counted; held by the ClusterState that lists it and by exchanges and connections that use it.
// Thread: its worker's. Always true: all its connections were opened under `tls`; a retired endpoint (no
// longer listed) has no idle connections.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "ingress/cluster.h"
#include "tls/client_context.h"
#include "upstream/circuit_breaker.h"
#include "upstream/conn_pool.h"
#include "upstream/h2_pool.h"
#include "upstream/latency_average.h"
#include "upstream/local_ref.h"
#include "upstream/outlier_detector.h"

namespace ingress::upstream {

// What health checks and outlier ejection have decided together; told by ClusterStates::set_available().
enum class Availability : std::uint8_t { kAvailable, kUnavailable };

struct EndpointState {
  explicit EndpointState(Endpoint key_in, tls::ClientContextPtr tls_in = nullptr);
  void begin_exchange() {
    ++num_active;
    if (cluster_active != nullptr) ++*cluster_active;
  }
  void end_exchange() {
    --num_active;
    if (cluster_active != nullptr) --*cluster_active;
  }

  Endpoint key;  // address and port stay; weight and zone are those of the newest version
  // How it is spoken to; null: plain. With another policy it is another endpoint: no connection is shared.
  const tls::ClientContextPtr tls;
  std::string label;             // "10.0.0.1:80", "[::1]:80": for logs
  std::uint64_t share = 1;       // its weight now, relative to the others of the cluster; above 0
  std::uint32_t num_active = 0;  // exchanges that use it now; changed by the two above
  std::uint32_t position = 0;    // in the cluster's list
  // The num_active of all endpoints of the cluster; null when nobody asks for it, or retired.
  std::uint32_t* cluster_active = nullptr;
  std::chrono::milliseconds available_since{0};
  LatencyAverage latency;    // kept while is_measured
  bool is_measured = false;  // ClusterStates::note_duration() wants to hear of it
  bool is_retired = false;
  Availability availability = Availability::kAvailable;
  BreakerGate* gate = nullptr;            // of its cluster, while that has limits and lists it
  std::unique_ptr<OutlierWatch> outlier;  // while its cluster has outlier detection
  ConnPool idle;                          // of HTTP/1.1
  H2Pool h2;
  std::uint32_t local_refs = 0;

  // What became of a request to it.
  void note(TryOutcome outcome) {
    if (outlier == nullptr) return;
    const auto reason = note_outcome(outlier->counts, outcome, outlier->rule->settings);
    if (reason) outlier->rule->on_outlier(key, *reason);
  }
};
using EndpointRef = LocalRef<EndpointState>;

inline bool have_equal_shares(std::span<EndpointState* const> endpoints) {
  return std::ranges::all_of(
      endpoints, [&](const EndpointState* endpoint) { return endpoint->share == endpoints.front()->share; });
}

}  // namespace ingress::upstream
