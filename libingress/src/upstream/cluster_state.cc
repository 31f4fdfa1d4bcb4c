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

bool has_failed(const PickRequest& request, const Endpoint& key) {
  return std::ranges::any_of(request.failed,
                             [&](const EndpointRef& endpoint) { return endpoint->key == key; });
}

}  // namespace

EndpointState::EndpointState(Endpoint key_in) : key(std::move(key_in)) {
  const bool is_ipv6 = key.address.find(':') != std::string::npos;
  label = is_ipv6 ? "[" + key.address + "]:" : key.address + ":";
  label += std::to_string(key.port);
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
  state.candidates.clear();
  state.is_stale = true;
  state.entry = entry;
  if (entry != nullptr) {
    for (const Endpoint& key : entry->cluster.endpoints) {
      const EndpointRef* known = find(before, key);
      state.owned.push_back(known != nullptr ? *known : EndpointRef(new EndpointState(key)));
      state.owned.back()->is_retired = false;
      state.endpoints.push_back(state.owned.back().get());
    }
    std::ranges::sort(state.owned, {}, identity);
    // Workers must not walk the endpoints in step.
    if (before.empty()) state.turn = random_.next() >> 1;
  }
  for (const EndpointRef& endpoint : before) {
    if (!endpoint->is_retired) continue;
    endpoint->gate = nullptr;
    endpoint->idle.clear();
  }
  update_gate(state, entry);
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
      return std::ranges::any_of(state.endpoints,
                                 [](EndpointState* endpoint) { return endpoint->idle.drop_oldest(); });
    });
  }
  for (EndpointState* endpoint : state.endpoints) {
    endpoint->gate = state.gate.get();
    if (is_limited && !had_gate) endpoint->idle.clear();  // what is open already is not counted
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
  state->is_stale = true;
}

void ClusterStates::make_candidates(State& state) {
  state.is_stale = false;
  state.candidates.clear();
  std::ranges::copy_if(
      state.endpoints, std::back_inserter(state.candidates),
      [](const EndpointState* endpoint) { return endpoint->availability == Availability::kAvailable; });
  const std::size_t threshold = state.endpoints.size() * state.entry->cluster.panic_threshold_percent;
  if (state.candidates.size() * 100 < threshold) state.candidates = state.endpoints;
}

ClusterStates::State* ClusterStates::state_of(const ClusterEntry& entry) const {
  const std::uint32_t index = entry.slot->index;
  return index < states_.size() ? states_[index].get() : nullptr;
}

EndpointRef ClusterStates::pick(const ClusterEntry& entry, const PickRequest& request) {
  State* state = state_of(entry);
  if (state == nullptr || state->entry != &entry) return pick_of_older(state, entry, request);
  if (state->is_stale) make_candidates(*state);
  const auto picked =
      pick_endpoint(entry.cluster.load_balancing, state->candidates, request.avoid, state->turn, random_);
  if (!picked) return {};
  // One of the next is free, unless all have failed.
  std::size_t index = *picked;
  for (std::size_t i = 0; i < request.failed.size() && has_failed(request, state->candidates[index]->key);
       ++i) {
    index = (index + 1) % state->candidates.size();
  }
  return EndpointRef(state->candidates[index]);
}

ClusterLoadRef ClusterStates::load(const ClusterEntry& entry) {
  State* state = state_of(entry);
  if (state == nullptr) return ClusterLoadRef(new ClusterLoad);  // gone: nobody shares it
  if (!state->load) state->load = ClusterLoadRef(new ClusterLoad);
  return state->load;
}

std::uint64_t ClusterStates::num_active(const ClusterEntry& entry) const {
  const State* state = state_of(entry);
  std::uint64_t sum = 0;
  if (state == nullptr) return sum;
  for (const EndpointState* endpoint : state->endpoints) sum += endpoint->num_active;
  return sum;
}

// Rare: a request that was suspended, or is tried again, across a change of its cluster.
EndpointRef ClusterStates::pick_of_older(State* newest, const ClusterEntry& entry,
                                         const PickRequest& request) {
  const std::vector<Endpoint>& keys = entry.cluster.endpoints;
  if (keys.empty()) return {};
  std::size_t index = random_.below(keys.size());
  if (request.avoid != nullptr && keys[index] == request.avoid->key) index = (index + 1) % keys.size();
  for (std::size_t i = 0; i < request.failed.size() && has_failed(request, keys[index]); ++i) {
    index = (index + 1) % keys.size();
  }
  if (newest != nullptr) {
    if (const EndpointRef* known = find(newest->owned, keys[index])) return *known;
  }
  EndpointRef gone(new EndpointState(keys[index]));
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
    found = splits_.emplace(rule, WeightedSplit(backends, random_)).first;
    num_split_slots_ += found->second.num_slots();
  }
  return found->second.next();
}

}  // namespace ingress::upstream
