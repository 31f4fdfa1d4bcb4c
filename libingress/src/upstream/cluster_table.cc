#include "upstream/cluster_table.h"

#include <chrono>
#include <utility>

namespace ingress::upstream {
namespace {

// Null for policies that do not hash; that of the version `before` when endpoints have not changed.
std::shared_ptr<const HashRing> ring_of(const Cluster& cluster, const ClusterEntry* before) {
  if (cluster.load_balancing != LoadBalancing::kConsistentHash) return nullptr;
  if (before != nullptr && before->ring && before->cluster.endpoints == cluster.endpoints)
    return before->ring;
  return std::make_shared<const HashRing>(cluster.endpoints);
}

// Where no context can be had the cluster loses its endpoints: it must not become plain.
void set_tls(ClusterEntry& entry, const ClusterEntry* before, tls::ClientContexts& contexts) {
  if (!entry.cluster.tls) return;
  const bool is_same = before != nullptr && before->tls && before->cluster.tls == entry.cluster.tls;
  entry.tls =
      is_same ? before->tls : contexts.load(*entry.cluster.tls, std::chrono::system_clock::now()).context;
  if (!entry.tls) entry.cluster.endpoints.clear();
}

}  // namespace

ClusterCompiler::ClusterCompiler(std::shared_ptr<base::SlotRegistry> slots)
    : slots_(std::move(slots)), table_(std::make_shared<const ClusterTable>()) {}

std::vector<tls::ClientContextPtr> ClusterCompiler::load_tls(std::span<const Cluster> upserts,
                                                             std::vector<Problem>& problems) {
  std::vector<tls::ClientContextPtr> loaded;
  for (const Cluster& cluster : upserts) {
    if (!cluster.tls) continue;
    const Cluster* held = find(cluster.name);
    if (held != nullptr && held->tls == cluster.tls) continue;
    auto made = tls_.load(*cluster.tls, std::chrono::system_clock::now());
    for (Problem& problem : made.problems) {
      problem.object = cluster.origin;
      problem.field.insert(0, "clusters." + cluster.name + (problem.field.empty() ? ".tls" : ".tls."));
      problems.push_back(std::move(problem));
    }
    loaded.push_back(std::move(made.context));
  }
  return loaded;
}

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
    ClusterEntry entry{
        .cluster = cluster, .slot = slots_->lease(cluster.name), .ring = ring_of(cluster, held.get())};
    set_tls(entry, held.get(), tls_);
    held = std::make_shared<const ClusterEntry>(std::move(entry));
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
