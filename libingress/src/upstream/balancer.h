// A policy: chooses one of a list of endpoints for each request.
//
// Owner: ClusterPicker, which makes a new one whenever the list, a share or the policy changes, so that a
// balancer never sees a change. Thread: its worker's. Lifetime: borrows the endpoints and the context.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "ingress/message.h"
#include "upstream/cluster_table.h"
#include "upstream/local_ref.h"
#include "upstream/random.h"

namespace ingress::upstream {

struct EndpointState;

// What a pick may depend on beside the cluster. Borrowed for the call.
struct PickRequest {
  const EndpointState* avoid = nullptr;  // failed just now: another one, if there is another
  // All that failed this request before, in any order: none of them, if there is another.
  std::span<const LocalRef<EndpointState>> failed = {};
  const RequestHead* head = nullptr;  // for policies that hash, as is the address
  std::string_view client_address = {};

  bool is_first_try() const { return avoid == nullptr && failed.empty(); }
  // Whether its address and port have failed this request.
  bool has_failed(const Endpoint& endpoint) const;
  bool was_last(const Endpoint& endpoint) const;
};

// Picks that were not what the policy alone would have chosen.
struct PickCounters {
  base::Counter panic;       // among all endpoints, since too few are available
  base::Counter other_zone;  // since the own zone is short of endpoints
  base::Counter overflow;    // the endpoint of the key is at its bound
};

// What a worker lends to its picks.
struct PickContext {
  Random random{0};
  std::string zone;  // our own; empty = not known
  // Monotonic; read by slow start and peak EWMA only.
  std::function<std::chrono::milliseconds()> now = [] { return std::chrono::milliseconds(0); };
  PickCounters* counters = nullptr;  // null = nobody counts
};

class Balancer {
 public:
  virtual ~Balancer() = default;
  // Never null. May be one that has failed the request: who asks, asks once more.
  virtual EndpointState* pick(const PickRequest& request) = 0;
};

// `endpoints`: at least two of those of `entry`.
std::unique_ptr<Balancer> make_balancer(const ClusterEntry& entry, std::span<EndpointState* const> endpoints,
                                        PickContext& context);

}  // namespace ingress::upstream
