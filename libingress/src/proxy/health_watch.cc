#include "proxy/health_watch.h"

#include <utility>
#include <vector>

#include "base/hash.h"

namespace ingress::proxy {
namespace {

upstream::Availability to_availability(bool is_available) {
  return is_available ? upstream::Availability::kAvailable : upstream::Availability::kUnavailable;
}

HealthBoard::Time now() {
  return std::chrono::floor<HealthBoard::Time>(std::chrono::microseconds(net::EventLoop::clock_us()));
}

}  // namespace

struct HealthWatch::Watched {
  Watched(HealthWatch& watch_in, std::string name_in, std::uint32_t index_in)
      : watch(watch_in), name(std::move(name_in)), index(index_in) {}
  HealthWatch& watch;
  std::string name;
  std::uint32_t index;
  std::shared_ptr<const upstream::OutlierRule> rule;  // null: no outlier detection
  net::Timer timer{[](void* self) {
                     auto* watched = static_cast<Watched*>(self);
                     watched->watch.end_interval(*watched);
                   },
                   this};
};

HealthWatch::HealthWatch(unsigned worker, unsigned num_workers, net::EventLoop& loop,
                         upstream::ClusterStates& clusters, upstream::Connector& connector,
                         std::shared_ptr<HealthBoard> board)
    : worker_(worker),
      num_workers_(num_workers),
      loop_(loop),
      clusters_(clusters),
      board_(std::move(board)),
      checker_(loop, connector, clusters.random().next(),
               [this](const std::string& cluster, const Endpoint& endpoint, upstream::Health health,
                      std::string_view reason) { board_->set_health(cluster, endpoint, health, reason); }) {
  board_->join(
      worker_, [&loop](std::move_only_function<void()> call) { loop.post(std::move(call)); },
      [this](const std::string& cluster, const Endpoint& endpoint) {
        const auto found = watched_.find(cluster);
        if (found == watched_.end()) return;
        clusters_.set_available(found->second->index, endpoint,
                                to_availability(board_->is_available(cluster, endpoint)));
      });
}

HealthWatch::~HealthWatch() {
  board_->leave(worker_);
}

void HealthWatch::adopt(const upstream::ClusterTable& table) {
  using Entries = upstream::ClusterTable::Entries;
  Entries::diff(
      adopted_, table.entries(),
      [this](std::size_t index, const upstream::ClusterEntry* before, const upstream::ClusterEntry* after) {
        const auto slot = static_cast<std::uint32_t>(index);
        if (before != nullptr && (after == nullptr || after->cluster.name != before->cluster.name))
          forget(slot, before->cluster.name);
        if (after != nullptr) watch(slot, *after);
      });
  adopted_ = table.entries();
}

// A cluster may have moved to another slot, which was seen first: then there is nothing to forget.
void HealthWatch::forget(std::uint32_t index, const std::string& cluster) {
  const auto found = watched_.find(cluster);
  if (found == watched_.end() || found->second->index != index) return;
  checker_.remove(cluster);
  watched_.erase(found);
}

void HealthWatch::watch(std::uint32_t index, const upstream::ClusterEntry& entry) {
  const Cluster& cluster = entry.cluster;
  const bool is_wanted = cluster.health_check || cluster.outlier_detection;
  if (!is_wanted && !watched_.contains(cluster.name)) return;
  std::unique_ptr<Watched>& watched = watched_[cluster.name];
  if (watched == nullptr) watched = std::make_unique<Watched>(*this, cluster.name, index);
  watched->index = index;
  std::vector<Endpoint> mine;
  for (const Endpoint& endpoint : cluster.endpoints) {
    if (cluster.health_check && is_mine(cluster.name, endpoint)) mine.push_back(endpoint);
    // What the board does not keep out below is let in.
    clusters_.set_available(index, endpoint, upstream::Availability::kAvailable);
  }
  if (mine.empty()) {
    checker_.remove(cluster.name);
  } else {
    checker_.set(cluster, mine, entry.tls);
  }
  watch_outliers(*watched, cluster);
  board_->read(cluster.name, [&](const Endpoint& endpoint, const HealthBoard::State& state) {
    if (!state.is_available()) clusters_.set_available(index, endpoint, upstream::Availability::kUnavailable);
  });
  if (!is_wanted) watched_.erase(cluster.name);
}

void HealthWatch::watch_outliers(Watched& watched, const Cluster& cluster) {
  if (!cluster.outlier_detection) {
    watched.rule.reset();
    watched.timer.cancel();
  } else if (!watched.rule || watched.rule->settings != *cluster.outlier_detection) {
    watched.rule = std::make_shared<const upstream::OutlierRule>(upstream::OutlierRule{
        .settings = *cluster.outlier_detection,
        .on_outlier = [this, name = cluster.name](const Endpoint& endpoint, upstream::EjectionReason reason) {
          board_->eject(name, endpoint, reason, now());
        }});
    watched.timer.set(loop_.timers(), watched.rule->settings.interval);
  }
  for (upstream::EndpointState* endpoint : clusters_.endpoints(watched.index)) {
    if (!watched.rule) {
      endpoint->outlier.reset();
    } else {
      if (!endpoint->outlier) endpoint->outlier = std::make_unique<upstream::OutlierWatch>();
      endpoint->outlier->rule = watched.rule;
    }
  }
}

void HealthWatch::end_interval(Watched& watched) {
  watched.timer.set(loop_.timers(), watched.rule->settings.interval);
  std::vector<HealthBoard::Counts> counts;
  for (upstream::EndpointState* endpoint : clusters_.endpoints(watched.index)) {
    upstream::OutlierCounts& held = endpoint->outlier->counts;
    if (held.num_requests == 0) continue;
    counts.push_back({endpoint->key, {held.num_requests, held.num_ok}});
    held.num_requests = held.num_ok = 0;
  }
  if (!counts.empty()) board_->add_counts(watched.name, counts);
  if (is_mine(watched.name)) board_->end_interval(watched.name, now());
}

bool HealthWatch::is_mine(const std::string& cluster, const Endpoint& endpoint) const {
  return is_mine(cluster + ' ' + endpoint.address + ' ' + std::to_string(endpoint.port));
}

bool HealthWatch::is_mine(const std::string& cluster) const {
  return base::hash_text(cluster) % num_workers_ == worker_;
}

}  // namespace ingress::proxy
