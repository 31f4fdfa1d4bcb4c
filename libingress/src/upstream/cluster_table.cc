#include "upstream/cluster_table.h"

namespace ingress::upstream {
namespace {

// Null for policies that do not hash; that of the version `before` when endpoints have not changed.
std::shared_ptr<const HashRing> ring_of(const Cluster& cluster, const ClusterEntry* before) {
  if (cluster.load_balancing != LoadBalancing::kConsistentHash) return nullptr;
  if (before != nullptr && before->ring && before->cluster.endpoints == cluster.endpoints)
    return before->ring;
  return std::make_shared<const HashRing>(cluster.endpoints);
}

}  // namespace

ClusterCompiler::ClusterCompiler(std::shared_ptr<base::SlotRegistry> slots)
    : slots_(std::move(slots)), table_(std::make_shared<const ClusterTable>()) {}

std::shared_ptr<const ClusterTable> ClusterCompiler::apply(std::span<const Cluster> upserts,
                                                           std::span<const std::string> removals) {
  ClusterTable::Entries::Builder entries(table_->entries());
  bool has_changed = false;
  for (const std::string& name : removals) {
    const auto found = clusters_.find(name);
    if (found == clusters_.end()) continue;
    entries.set(found->second->slot->index, nullptr);
    clusters_.erase(found);
    has_changed = true;
  }
  for (const Cluster& cluster : upserts) {
    std::shared_ptr<const ClusterEntry>& held = clusters_[cluster.name];
    if (held && held->cluster == cluster) continue;
    auto ring = ring_of(cluster, held.get());
    held = std::make_shared<const ClusterEntry>(
        ClusterEntry{cluster, slots_->lease(cluster.name), std::move(ring)});
    entries.set(held->slot->index, held);
    has_changed = true;
  }
  if (has_changed) table_ = std::make_shared<const ClusterTable>(entries.take());
  return table_;
}

const Cluster* ClusterCompiler::find(const std::string& name) const {
  const auto found = clusters_.find(name);
  return found == clusters_.end() ? nullptr : &found->second->cluster;
}

}  // namespace ingress::upstream
