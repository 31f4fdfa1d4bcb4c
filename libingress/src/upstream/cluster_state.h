// What one worker knows about the clusters of the snapshots it uses: endpoints, load, position.
//
// Owner: a worker. Thread: its.
// Caller: adopt() at each new snapshot; the table it names must outlive the next adopt().
// Always true: an endpoint that is in the old and the new version of a cluster keeps its state.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "upstream/balancer.h"
#include "upstream/cluster_table.h"
#include "upstream/endpoint_state.h"
#include "upstream/weighted_split.h"

namespace ingress::upstream {

class ClusterStates {
 public:
  explicit ClusterStates(std::uint64_t seed) : random_(seed) {}

  // Moves from the table adopted last to `table`. Cost: what differs between them.
  void adopt(const ClusterTable& table);

  // An endpoint of `entry` other than `avoid` if possible; null when it has none. `entry` may belong to an
  // older snapshot that an exchange has pinned: its endpoints count then, not the newest ones.
  EndpointRef pick(const ClusterEntry& entry, const EndpointState* avoid);

  // The next point in [0, total) of the sequence that belongs to `rule` in this worker; total > 0.
  std::uint64_t next_split_point(const void* rule, std::uint64_t total);

  Random& random() { return random_; }

 private:
  static constexpr std::size_t kMaxSplits = 65'536;  // beyond, all are forgotten: shares start anew
  struct State {
    const ClusterEntry* entry = nullptr;  // of the table adopted last
    std::vector<EndpointRef> owned;       // in the order of the entry
    std::vector<EndpointState*> endpoints;
    std::uint64_t turn = 0;
  };
  void update(State& state, const ClusterEntry* entry);
  EndpointRef pick_of_older(State* newest, const ClusterEntry& entry, const EndpointState* avoid);

  std::vector<std::unique_ptr<State>> states_;  // by cluster slot
  // Rules are shared between snapshots, so their address lasts while they are unchanged. An address that is
  // used again continues a sequence of somebody else, which is as good a start as any.
  std::unordered_map<const void*, SplitSequence> splits_;
  ClusterTable::Entries adopted_;
  Random random_;
};

}  // namespace ingress::upstream
