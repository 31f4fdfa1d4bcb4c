// The clusters of one snapshot, found by dense index: const after build, shared between versions.
//
// Owner: a Snapshot. Thread: any, without locks: nothing in here changes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/persistent_vector.h"
#include "base/slot_registry.h"
#include "ingress/cluster.h"
#include "ingress/config.h"
#include "tls/client_context.h"
#include "upstream/hash_ring.h"

namespace ingress::upstream {

struct ClusterEntry {
  Cluster cluster;
  base::SlotLease slot;                            // keeps the index of this name while any snapshot knows it
  std::shared_ptr<const HashRing> ring = nullptr;  // of the endpoints, for LoadBalancing::kConsistentHash
  tls::ClientContextPtr tls = nullptr;  // null: plain; the same object as long as Cluster::tls stays
};

class ClusterTable {
 public:
  using Entries = base::PersistentVector<ClusterEntry>;
  ClusterTable() = default;
  explicit ClusterTable(Entries entries) : entries_(std::move(entries)) {}

  // Null when the index stands for a cluster that this version does not have.
  const ClusterEntry* find(std::uint32_t index) const { return entries_.at(index); }
  const Entries& entries() const { return entries_; }

 private:
  Entries entries_;
};

// Makes the next table out of the last one and a change. Control side only; one thread at a time.
class ClusterCompiler {
 public:
  explicit ClusterCompiler(std::shared_ptr<base::SlotRegistry> slots);

  // Reads what the TLS of `upserts` is made of. What is wrong is appended to `problems`, with fields below
  // "clusters.NAME". The result is to be held until apply(), which then finds it.
  std::vector<tls::ClientContextPtr> load_tls(std::span<const Cluster> upserts,
                                              std::vector<Problem>& problems);
  // Cost: what changed. Nothing changed: the same pointer. A cluster whose TLS cannot be read, which
  // load_tls() tells, has no endpoints.
  std::shared_ptr<const ClusterTable> apply(std::span<const Cluster> upserts,
                                            std::span<const std::string> removals);
  const Cluster* find(const std::string& name) const;
  // By name, unordered.
  const std::unordered_map<std::string, std::shared_ptr<const ClusterEntry>>& clusters() const {
    return clusters_;
  }

 private:
  std::shared_ptr<base::SlotRegistry> slots_;
  tls::ClientContexts tls_;
  std::unordered_map<std::string, std::shared_ptr<const ClusterEntry>> clusters_;
  std::shared_ptr<const ClusterTable> table_;
};

}  // namespace ingress::upstream
