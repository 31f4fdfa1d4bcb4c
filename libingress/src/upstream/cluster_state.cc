#include "upstream/cluster_state.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

namespace ingress::upstream {
namespace {

// What makes an endpoint the same one across versions of its cluster.
auto identity(const EndpointRef& endpoint) {
  return std::tie(endpoint->key.address, endpoint->key.port);
}

// What runs on HTTP/2 connections goes on.
void close_idle(EndpointState& endpoint) {
  endpoint.idle.clear();
  endpoint.h2.clear();
}

}  // namespace

EndpointState::EndpointState(Endpoint key_in, tls::ClientContextPtr tls_in)
    : key(std::move(key_in)), tls(std::move(tls_in)) {
  const bool is_ipv6 = key.address.find(':') != std::string::npos;
  label = is_ipv6 ? "[" + key.address + "]:" : key.address + ":";
  label += std::to_string(key.port);
}

ClusterStates::ClusterStates(Options options)
    : context_{
          .random = Random(options.seed), .zone = std::move(options.zone), .counters = options.counters} {
  if (options.now) context_.now = std::move(options.now);
}

void ClusterStates::adopt(const ClusterTable& table) {
  ClusterTable::Entries::diff(adopted_, table.entries(),
                              [this](std::size_t index, const ClusterEntry*, const ClusterEntry* entry) {
                                if (index >= states_.size()) states_.resize(index + 1);
                                if (!states_[index]) states_[index] = std::make_unique<State>();
                                update(*states_[index], entry);
                                if (entry == nullptr) states_[index].reset();
                              });
  adopted_ = table.entries();
}

void ClusterStates::update(State& state, const ClusterEntry* entry) {
  const std::vector<EndpointRef> before = std::exchange(state.owned, {});
  for (const EndpointRef& endpoint : before) endpoint->is_retired = true;  // until it turns up below
  state.endpoints.clear();
  state.num_active = 0;
  state.is_stale = true;
  state.entry = entry;
  if (entry != nullptr) {
    for (const Endpoint& value : entry->cluster.endpoints) {
      EndpointRef endpoint = keep_or_make(before, value, *entry);
      prepare(*endpoint, value, state);
      state.endpoints.push_back(endpoint.get());
      state.owned.push_back(std::move(endpoint));
    }
    std::ranges::sort(state.owned, {}, identity);
  }
  for (const EndpointRef& endpoint : before) {
    if (!endpoint->is_retired) continue;
    endpoint->gate = nullptr;
    endpoint->cluster_active = nullptr;
    close_idle(*endpoint);
  }
  update_gate(state, entry);
}

// Under another TLS policy an endpoint is another one, as its connections may serve nobody any more; but what
// is known of the machine behind it stays true.
EndpointRef ClusterStates::keep_or_make(const std::vector<EndpointRef>& before, const Endpoint& value,
                                        const ClusterEntry& entry) const {
  const EndpointRef* known = find(before, value);
  if (known != nullptr && (*known)->tls == entry.tls) return *known;
  EndpointRef made(new EndpointState(value, entry.tls));
  made->available_since = context_.now();
  if (known != nullptr) {
    made->available_since = (*known)->available_since;
    made->availability = (*known)->availability;
    made->latency = (*known)->latency;
  }
  return made;
}

void ClusterStates::update_gate(State& state, const ClusterEntry* entry) {
  const bool is_limited = breakers_ && entry != nullptr && entry->cluster.circuit_breakers.is_limited();
  const bool had_gate = state.gate != nullptr;
  if (!is_limited && !had_gate) return;
  if (!is_limited) {
    state.gate->set_on_shed({});
    state.gate.reset();
  } else if (!had_gate) {
    state.gate = breakers_->join(entry->cluster.name, post_);
    state.gate->set_on_shed([&state] {
      return std::ranges::any_of(state.endpoints, [](EndpointState* endpoint) {
        return endpoint->idle.drop_oldest() || endpoint->h2.drop_idle();
      });
    });
  }
  for (EndpointState* endpoint : state.endpoints) {
    endpoint->gate = state.gate.get();
    if (is_limited && !had_gate) close_idle(*endpoint);  // what is open already is not counted
  }
}

void ClusterStates::use_breakers(std::shared_ptr<BreakerRegistry> breakers, BreakerGate::Post post) {
  breakers_ = std::move(breakers);
  post_ = std::move(post);
}

std::shared_ptr<BreakerGate> ClusterStates::gate(const ClusterEntry& entry) {
  const std::uint32_t index = entry.slot->index;
  const State* state = index < states_.size() ? states_[index].get() : nullptr;
  if (state != nullptr && state->gate) return state->gate;
  // Rare: an exchange with an older snapshot, whose cluster has gone or has no limits any more.
  return breakers_ ? breakers_->join(entry.cluster.name, post_) : nullptr;
}

// `value` is that of the newest version of its cluster.
void ClusterStates::prepare(EndpointState& endpoint, const Endpoint& value, State& state) {
  const Cluster& cluster = state.entry->cluster;
  endpoint.key = value;
  endpoint.position = static_cast<std::uint32_t>(state.endpoints.size());
  endpoint.is_retired = false;
  endpoint.is_measured = cluster.load_balancing == LoadBalancing::kPeakEwma;
  const bool is_bounded = cluster.load_balancing == LoadBalancing::kConsistentHash &&
                          cluster.consistent_hash.balance_factor_percent != 0;
  endpoint.cluster_active = is_bounded || state.is_counted ? &state.num_active : nullptr;
  state.num_active += endpoint.num_active;
}

const EndpointRef* ClusterStates::find(const std::vector<EndpointRef>& owned, const Endpoint& key) {
  const auto found = std::ranges::lower_bound(owned, std::tie(key.address, key.port), {}, identity);
  return found != owned.end() && identity(*found) == std::tie(key.address, key.port) ? &*found : nullptr;
}

void ClusterStates::set_available(std::uint32_t cluster_index, const Endpoint& endpoint,
                                  Availability availability) {
  State* state = cluster_index < states_.size() ? states_[cluster_index].get() : nullptr;
  const EndpointRef* found = state == nullptr ? nullptr : find(state->owned, endpoint);
  if (found == nullptr || (*found)->availability == availability) return;
  (*found)->availability = availability;
  if (availability == Availability::kAvailable) (*found)->available_since = context_.now();
  state->is_stale = true;
}

ClusterStates::State* ClusterStates::state_of(const ClusterEntry& entry) const {
  const std::uint32_t index = entry.slot->index;
  return index < states_.size() ? states_[index].get() : nullptr;
}

EndpointRef ClusterStates::pick(const ClusterEntry& entry, const PickRequest& request) {
  State* state = state_of(entry);
  if (state == nullptr || state->entry != &entry) return pick_of_older(state, entry, request);
  if (std::exchange(state->is_stale, false)) state->picker.assign(entry, state->endpoints, context_);
  return EndpointRef(state->picker.pick(request, context_));
}

ClusterLoadRef ClusterStates::load(const ClusterEntry& entry) {
  State* state = state_of(entry);
  if (state == nullptr) return ClusterLoadRef(new ClusterLoad);  // gone: nobody shares it
  if (!state->load) state->load = ClusterLoadRef(new ClusterLoad);
  return state->load;
}

std::uint32_t ClusterStates::num_active(const ClusterEntry& entry) {
  State* state = state_of(entry);
  if (state == nullptr) return 0;
  if (!std::exchange(state->is_counted, true)) {
    state->num_active = 0;
    for (EndpointState* endpoint : state->endpoints) {
      state->num_active += endpoint->num_active;
      endpoint->cluster_active = &state->num_active;
    }
  }
  return state->num_active;
}

void ClusterStates::note_duration(EndpointState& endpoint, std::chrono::microseconds duration,
                                  TryOutcome outcome) {
  if (!endpoint.is_measured) return;
  if (outcome == TryOutcome::kGatewayFailure) duration = std::max(duration, LatencyAverage::kFailure);
  endpoint.latency.add(duration, context_.now());
}

// Rare: a request that was suspended, or is tried again, across a change of its cluster. Any endpoint that
// has not failed it, whatever the policy; one that is not known to be unavailable, if there is one.
EndpointRef ClusterStates::pick_of_older(State* newest, const ClusterEntry& entry,
                                         const PickRequest& request) {
  const std::vector<Endpoint>& keys = entry.cluster.endpoints;
  if (keys.empty()) return {};
  const auto known_as = [&](const Endpoint& key) {
    const EndpointRef* known = newest == nullptr ? nullptr : find(newest->owned, key);
    return known != nullptr && (*known)->tls == entry.tls ? known : nullptr;
  };
  const auto rank = [&](const Endpoint& key) {
    if (request.has_failed(key)) return request.was_last(key) ? 3 : 2;
    const EndpointRef* known = known_as(key);
    return known != nullptr && (*known)->availability != Availability::kAvailable ? 1 : 0;
  };
  const std::size_t start = context_.random.below(keys.size());
  std::size_t best = start;
  for (std::size_t i = 1; i < keys.size() && rank(keys[best]) > 0; ++i) {
    const std::size_t index = (start + i) % keys.size();
    if (rank(keys[index]) < rank(keys[best])) best = index;
  }
  if (const EndpointRef* known = known_as(keys[best])) return *known;
  EndpointRef gone(new EndpointState(keys[best], entry.tls));
  gone->is_retired = true;
  return gone;
}

std::size_t ClusterStates::pick_backend(std::uint64_t rule, std::span<const BackendRef> backends) {
  auto found = splits_.find(rule);
  if (found == splits_.end()) {
    if (num_split_slots_ >= kMaxSplitSlots) {
      splits_.clear();
      num_split_slots_ = 0;
    }
    found = splits_.emplace(rule, WeightedSplit(backends, context_.random)).first;
    num_split_slots_ += found->second.num_slots();
  }
  return found->second.next();
}

}  // namespace ingress::upstream
