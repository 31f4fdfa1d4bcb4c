#include "proxy/health_board.h"

#include <algorithm>
#include <utility>

namespace ingress::proxy {
namespace {

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void note_change(HealthBoard::State& state, std::string_view reason) {
  state.reason = reason;
  state.since_unix_ms = unix_ms();
}

}  // namespace

void HealthBoard::join(unsigned worker, Post post, OnChange on_change) {
  const std::lock_guard guard(lock_);
  if (members_.size() <= worker) members_.resize(worker + 1);
  members_[worker] = {std::move(post), std::move(on_change)};
}

void HealthBoard::leave(unsigned worker) {
  const std::lock_guard guard(lock_);
  if (worker < members_.size()) members_[worker] = {};
}

void HealthBoard::sync(const upstream::ClusterTable& table) {
  const std::lock_guard guard(lock_);
  using Entries = upstream::ClusterTable::Entries;
  Entries::diff(
      synced_, table.entries(),
      [this](std::size_t, const upstream::ClusterEntry* before, const upstream::ClusterEntry* after) {
        const bool is_renamed =
            before != nullptr && (after == nullptr || before->cluster.name != after->cluster.name);
        if (is_renamed) entries_.erase(before->cluster.name);
      });
  // Only now: a name that has moved to another slot must not be forgotten after it has been seen.
  Entries::diff(synced_, table.entries(),
                [this](std::size_t, const upstream::ClusterEntry*, const upstream::ClusterEntry* after) {
                  if (after != nullptr) update(after->cluster);
                });
  synced_ = table.entries();
}

void HealthBoard::update(const Cluster& cluster) {
  if (!cluster.health_check && !cluster.outlier_detection && !entries_.contains(cluster.name)) return;
  Entry& entry = entries_[cluster.name];
  const bool is_checked_alike = entry.health_check == cluster.health_check;
  entry.health_check = cluster.health_check;
  entry.outlier_detection = cluster.outlier_detection;
  Endpoints before = std::exchange(entry.endpoints, {});
  entry.num_ejected = 0;
  for (const Endpoint& endpoint : cluster.endpoints) {
    const auto known = before.find(endpoint);
    State& state = entry.endpoints[endpoint];
    if (known == before.end()) continue;
    state = std::move(known->second);
    const bool was_available = state.is_available();
    // A verdict of the last check says nothing about a new one; without checks nobody would change it.
    if (!is_checked_alike) state.health = upstream::Health::kUnprobed;
    if (!cluster.outlier_detection) state.is_ejected = false;
    entry.num_ejected += state.is_ejected ? 1 : 0;
    if (was_available == state.is_available()) continue;
    note_change(state, "settings_changed");
    tell(cluster.name, endpoint);
  }
  if (!cluster.health_check && !cluster.outlier_detection) {
    entries_.erase(cluster.name);
  } else {
    keep_one_available(cluster.name, entry);
  }
}

// Those that were good have gone, or are found bad: what is ejected is all there is.
void HealthBoard::keep_one_available(const std::string& cluster, Entry& entry) {
  if (entry.num_ejected == 0 || has_available(entry, nullptr)) return;
  for (auto& [endpoint, state] : entry.endpoints) {
    if (state.is_ejected) let_in(cluster, entry, endpoint, state, "last_available");
  }
}

bool HealthBoard::has_available(const Entry& entry, const State* but) {
  return std::ranges::any_of(
      entry.endpoints, [but](const auto& one) { return &one.second != but && one.second.is_available(); });
}

HealthBoard::State* HealthBoard::find(const std::string& cluster, const Endpoint& endpoint, Entry*& entry) {
  const auto found = entries_.find(cluster);
  if (found == entries_.end()) return nullptr;
  entry = &found->second;
  const auto state = entry->endpoints.find(endpoint);
  return state == entry->endpoints.end() ? nullptr : &state->second;
}

void HealthBoard::set_health(const std::string& cluster, const Endpoint& endpoint, upstream::Health health,
                             std::string_view reason) {
  const std::lock_guard guard(lock_);
  Entry* entry = nullptr;
  State* state = find(cluster, endpoint, entry);
  if (state == nullptr || state->health == health || !entry->health_check) return;
  const bool was_available = state->is_available();
  state->health = health;
  note_change(*state, reason);
  if (was_available != state->is_available()) tell(cluster, endpoint);
  keep_one_available(cluster, *entry);
}

void HealthBoard::eject(const std::string& cluster, const Endpoint& endpoint, upstream::EjectionReason reason,
                        Time now) {
  const std::lock_guard guard(lock_);
  Entry* entry = nullptr;
  State* state = find(cluster, endpoint, entry);
  if (state != nullptr) eject(cluster, *entry, endpoint, *state, reason, now);
}

void HealthBoard::eject(const std::string& cluster, Entry& entry, const Endpoint& endpoint, State& state,
                        upstream::EjectionReason reason, Time now) {
  if (state.is_ejected || !entry.outlier_detection) return;
  const OutlierDetection& settings = *entry.outlier_detection;
  if (!upstream::may_eject(entry.endpoints.size(), entry.num_ejected, settings)) return;
  if (!has_available(entry, &state)) return;  // the last one is better than none
  const bool was_available = state.is_available();
  state.is_ejected = true;
  state.ejected_until = now + upstream::ejection_time(++state.num_ejections, settings);
  ++entry.num_ejected;
  ++num_ejections_;
  note_change(state, upstream::to_string(reason));
  if (was_available) tell(cluster, endpoint);
}

void HealthBoard::let_in(const std::string& cluster, Entry& entry, const Endpoint& endpoint, State& state,
                         std::string_view reason) {
  state.is_ejected = false;
  --entry.num_ejected;
  note_change(state, reason);
  if (state.is_available()) tell(cluster, endpoint);
}

void HealthBoard::add_counts(const std::string& cluster, std::span<const Counts> counts) {
  const std::lock_guard guard(lock_);
  Entry* entry = nullptr;
  for (const Counts& one : counts) {
    State* state = find(cluster, one.endpoint, entry);
    if (state == nullptr) continue;
    state->rate.num_requests += one.rate.num_requests;
    state->rate.num_ok += one.rate.num_ok;
  }
}

void HealthBoard::end_interval(const std::string& cluster, Time now) {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(cluster);
  if (found == entries_.end() || !found->second.outlier_detection) return;
  Entry& entry = found->second;
  std::vector<std::pair<const Endpoint*, State*>> compared;
  std::vector<upstream::SuccessRate> rates;
  for (auto& [endpoint, state] : entry.endpoints) {
    if (state.is_ejected) {
      if (state.ejected_until <= now) let_in(cluster, entry, endpoint, state, "ejection_over");
      state.rate = {};
      continue;
    }
    if (state.num_ejections > 0) --state.num_ejections;
    compared.emplace_back(&endpoint, &state);
    rates.push_back(std::exchange(state.rate, {}));
  }
  for (const std::size_t index : upstream::find_outliers(rates, *entry.outlier_detection)) {
    const auto& [endpoint, state] = compared[index];
    eject(cluster, entry, *endpoint, *state, upstream::EjectionReason::kSuccessRate, now);
  }
}

void HealthBoard::tell(const std::string& cluster, const Endpoint& endpoint) {
  for (const Member& member : members_) {
    if (!member.post) continue;
    member.post([on_change = member.on_change, cluster, endpoint] { on_change(cluster, endpoint); });
  }
}

bool HealthBoard::is_available(const std::string& cluster, const Endpoint& endpoint) const {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(cluster);
  if (found == entries_.end()) return true;
  const auto state = found->second.endpoints.find(endpoint);
  return state == found->second.endpoints.end() || state->second.is_available();
}

void HealthBoard::read(std::string_view cluster,
                       const std::function<void(const Endpoint&, const State&)>& visit) const {
  const std::lock_guard guard(lock_);
  const auto found = entries_.find(std::string(cluster));
  if (found == entries_.end()) return;
  for (const auto& [endpoint, state] : found->second.endpoints) visit(endpoint, state);
}

std::map<std::string, HealthBoard::StateCounts> HealthBoard::count() const {
  std::map<std::string, StateCounts> out;
  const std::lock_guard guard(lock_);
  for (const auto& [name, entry] : entries_) {
    StateCounts& counts = out[name];
    for (const auto& [endpoint, state] : entry.endpoints) {
      std::size_t& one = state.is_ejected                              ? counts.num_ejected
                         : state.health == upstream::Health::kUnprobed ? counts.num_unprobed
                         : state.health == upstream::Health::kHealthy  ? counts.num_healthy
                                                                       : counts.num_unhealthy;
      ++one;
    }
  }
  return out;
}

std::uint64_t HealthBoard::num_ejections() const {
  const std::lock_guard guard(lock_);
  return num_ejections_;
}

}  // namespace ingress::proxy
