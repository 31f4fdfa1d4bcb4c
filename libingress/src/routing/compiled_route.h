// A route in the form that the request path reads: clusters by slot, weights added up, names ready to log.
//
// Owner: the RouteTables that contain it, shared by all versions in between two changes of the route.
// Thread: any, const after build. Lifetime: a rule holds its Route, so views into that last as long.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/route.h"
#include "routing/cluster_slots.h"

namespace ingress::routing {

// For CompiledRule::id and whatever else workers remember by it (ClusterStates::pick_backend()). Any thread.
std::uint64_t next_rule_id();

struct CompiledBackend {
  ClusterLease cluster;       // null when `failure` is set
  const FixedReply* failure;  // null, or what answers this share
};

struct CompiledMirror {
  ClusterLease cluster;
  const RequestMirror* value;
};

struct CompiledRule {
  std::shared_ptr<const Route> route;
  const RouteRule* value;  // in `route`: reply, timeouts, matches
  std::uint32_t index;     // of the rule in the route
  std::string name;        // RouteRule::name, or the index
  std::uint64_t id;        // no other rule of this process ever had it: for what workers remember of a rule
  std::vector<CompiledBackend> backends;  // in the order of RouteRule::backends
  std::uint64_t total_weight = 0;         // 0 when nothing can be picked: no backends, or only weights of 0
  std::vector<CompiledMirror> mirrors = {};
};

class CompiledRoute {
 public:
  // Control side: leases slots.
  CompiledRoute(std::shared_ptr<const Route> route, ClusterSlots& slots);
  CompiledRoute(const CompiledRoute&) = delete;
  CompiledRoute& operator=(const CompiledRoute&) = delete;

  // An entry of the table by name.
  std::string_view key() const { return route_->name; }
  static void destroy(const CompiledRoute* route) { delete route; }
  mutable std::atomic<std::uint32_t> refs{0};

  const Route& route() const { return *route_; }
  const std::shared_ptr<const Route>& shared_route() const { return route_; }
  // Stay where they are for the life of this object: the path trees point at them.
  const std::vector<CompiledRule>& rules() const { return rules_; }

 private:
  std::shared_ptr<const Route> route_;
  std::vector<CompiledRule> rules_;
};

// The matches of a rule: its own, or the one that takes every path when it has none.
const std::vector<RouteMatch>& matches_of(const RouteRule& rule);

}  // namespace ingress::routing
