#include "upstream/cluster_state.h"

#include <algorithm>

namespace ingress::upstream {

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
  std::vector<EndpointRef> before = std::move(state.owned);
  std::ranges::sort(before, {}, [](const EndpointRef& ref) -> const Endpoint& { return ref->key; });
  for (const EndpointRef& endpoint : before) endpoint->is_retired = true;  // until it turns up below
  state.owned.clear();
  state.endpoints.clear();
  state.entry = entry;
  if (entry != nullptr) {
    for (const Endpoint& key : entry->cluster.endpoints) {
      const auto found = std::ranges::lower_bound(
          before, key, {}, [](const EndpointRef& ref) -> const Endpoint& { return ref->key; });
      const bool is_known = found != before.end() && (*found)->key == key;
      state.owned.push_back(is_known ? *found : EndpointRef(new EndpointState(key)));
      state.owned.back()->is_retired = false;
      state.endpoints.push_back(state.owned.back().get());
    }
    // Workers must not walk the endpoints in step.
    if (before.empty()) state.turn = random_.next() >> 1;
  }
  for (const EndpointRef& endpoint : before) {
    if (endpoint->is_retired) endpoint->idle.clear();
  }
}

EndpointRef ClusterStates::pick(const ClusterEntry& entry, const EndpointState* avoid) {
  const std::uint32_t index = entry.slot->index;
  State* state = index < states_.size() ? states_[index].get() : nullptr;
  if (state == nullptr || state->entry != &entry) return pick_of_older(state, entry, avoid);
  const auto picked =
      pick_endpoint(entry.cluster.load_balancing, state->endpoints, avoid, state->turn, random_);
  return picked ? state->owned[*picked] : EndpointRef();
}

// Rare: a request that was suspended, or is tried again, across a change of its cluster.
EndpointRef ClusterStates::pick_of_older(State* newest, const ClusterEntry& entry,
                                         const EndpointState* avoid) {
  const std::vector<Endpoint>& keys = entry.cluster.endpoints;
  if (keys.empty()) return {};
  std::size_t index = random_.below(static_cast<std::uint32_t>(keys.size()));
  if (avoid != nullptr && keys[index] == avoid->key) index = (index + 1) % keys.size();
  if (newest != nullptr) {
    for (const EndpointRef& endpoint : newest->owned) {
      if (endpoint->key == keys[index]) return endpoint;
    }
  }
  EndpointRef gone(new EndpointState(keys[index]));
  gone->is_retired = true;
  return gone;
}

std::uint64_t ClusterStates::next_split_point(const void* rule, std::uint64_t total) {
  auto found = splits_.find(rule);
  if (found == splits_.end()) {
    if (splits_.size() >= kMaxSplits) splits_.clear();
    found = splits_.emplace(rule, SplitSequence(random_.next())).first;
  }
  return found->second.next(total);
}

}  // namespace ingress::upstream
