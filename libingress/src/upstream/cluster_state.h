// What one worker knows about the clusters of the snapshots it uses: endpoints, load, position.
//
// Owner: a worker. Thread: its.
// Caller: adopt() at each new snapshot; the table it names must outlive the next adopt().
// Always true: an endpoint that is in the old and the new version of a cluster, under the same TLS policy,
// keeps its state; the list of
// those that a pick may choose from is made when endpoints or their availability change, not by picks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/breaker_registry.h"
#include "upstream/cluster_picker.h"
#include "upstream/cluster_table.h"
#include "upstream/endpoint_state.h"
#include "upstream/weighted_split.h"

namespace ingress::upstream {

// How busy a cluster is with retries, in this worker. Outlives the cluster while somebody holds it.
struct ClusterLoad {
  std::uint32_t num_retrying = 0;  // exchanges that wait for a retry or are in one
  std::uint32_t local_refs = 0;
};
using ClusterLoadRef = LocalRef<ClusterLoad>;

class ClusterStates {
 public:
  struct Options {
    std::uint64_t seed = 0;
    std::string zone = {};  // see PickContext for this and the others
    std::function<std::chrono::milliseconds()> now = {};
    PickCounters* counters = nullptr;
  };
  explicit ClusterStates(Options options);

  // Moves from the table adopted last to `table`. Cost: what differs between them.
  void adopt(const ClusterTable& table);

  // An endpoint of `entry` for `request`; null when it has none to choose from. `entry` may belong to an
  // older snapshot that an exchange has pinned: its endpoints count then, not the newest ones.
  EndpointRef pick(const ClusterEntry& entry, const PickRequest& request);

  ClusterLoadRef load(const ClusterEntry& entry);
  // Exchanges that use an endpoint of the cluster now. They are counted from the first question on.
  std::uint32_t num_active(const ClusterEntry& entry);

  // Takes the endpoint out of picks, or lets it back in; all are used when too few are left
  // (Cluster::panic_threshold_percent). A verdict about what the newest version does not have, by slot or by
  // address and port, changes nothing: it may be older than the configuration. An endpoint that comes anew
  // is available. Its connections stay.
  void set_available(std::uint32_t cluster_index, const Endpoint& endpoint, Availability availability);

  // The endpoints of the newest version, in its order; none for a slot that has no cluster.
  std::span<EndpointState* const> endpoints(std::uint32_t cluster_index) const {
    const State* state = cluster_index < states_.size() ? states_[cluster_index].get() : nullptr;
    return state == nullptr ? std::span<EndpointState* const>() : state->endpoints;
  }

  // Where clusters with limits for the process find their breakers; without it there are none. `post` runs
  // calls on this worker's thread.
  void use_breakers(std::shared_ptr<BreakerRegistry> breakers, BreakerGate::Post post);
  // The way to the breaker of `entry`, which has limits; null when there are no breakers.
  std::shared_ptr<BreakerGate> gate(const ClusterEntry& entry);

  // A try at an endpoint that is_measured came to `outcome` after `duration`.
  void note_duration(EndpointState& endpoint, std::chrono::microseconds duration, TryOutcome outcome);

  // Whose turn it is of the backends of a rule, as an index; one of them at least has a weight above 0.
  // `rule` stands for the rule, and for the same backends always.
  std::size_t pick_backend(std::uint64_t rule, std::span<const BackendRef> backends);

  Random& random() { return context_.random; }

 private:
  // Turns that are remembered for all splits together (two bytes each). Beyond, all are forgotten: shares
  // start anew.
  static constexpr std::size_t kMaxSplitSlots = 65'536 * 20;
  struct State {
    const ClusterEntry* entry = nullptr;    // of the table adopted last
    std::vector<EndpointRef> owned;         // sorted by address and port
    std::vector<EndpointState*> endpoints;  // in the order of the entry
    ClusterPicker picker;
    std::uint32_t num_active = 0;       // exchanges of all endpoints, while their cluster_active points here
    bool is_counted = false;            // num_active was asked for: it is kept for all versions
    bool is_stale = false;              // the picker is to be told: one time for many changes in a row
    std::shared_ptr<BreakerGate> gate;  // while the cluster has limits
    ClusterLoadRef load;                // null before the first retry
  };
  void update(State& state, const ClusterEntry* entry);
  EndpointRef keep_or_make(const std::vector<EndpointRef>& before, const Endpoint& value,
                           const ClusterEntry& entry) const;
  static void prepare(EndpointState& endpoint, const Endpoint& value, State& state);
  void update_gate(State& state, const ClusterEntry* entry);
  // `owned` is sorted; null when it has no such endpoint.
  static const EndpointRef* find(const std::vector<EndpointRef>& owned, const Endpoint& key);
  EndpointRef pick_of_older(State* newest, const ClusterEntry& entry, const PickRequest& request);
  State* state_of(const ClusterEntry& entry) const;

  std::vector<std::unique_ptr<State>> states_;  // by cluster slot
  std::unordered_map<std::uint64_t, WeightedSplit> splits_;
  std::size_t num_split_slots_ = 0;
  ClusterTable::Entries adopted_;
  std::shared_ptr<BreakerRegistry> breakers_;
  BreakerGate::Post post_;
  PickContext context_;
};

}  // namespace ingress::upstream
