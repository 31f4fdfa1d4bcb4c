// Chooses an endpoint of one cluster in one worker: who may be chosen now, then the policy's choice.
//
// Who may be chosen, and with which share, is made out of availability, panic threshold, zones and slow
// start when one of them changes (assign()), not by picks.
// Owner: ClusterStates. Thread: its worker's. Lifetime: borrows the entry and its endpoints until the next
// assign(), the context for good.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "upstream/balancer.h"

namespace ingress::upstream {

class ClusterPicker {
 public:
  // `endpoints`: all, in the order of the entry.
  void assign(const ClusterEntry& entry, std::span<EndpointState* const> endpoints, PickContext& context);
  // Null when there is none to choose from.
  EndpointState* pick(const PickRequest& request, PickContext& context) {
    if (next_refresh_ != kNever && context.now() >= next_refresh_) assign(*entry_, all_, context);
    if (is_panic_ && context.counters != nullptr) context.counters->panic.add();
    const bool is_for_others = own_part_ != kWhole && is_for_other_zone();
    if (is_for_others && context.counters != nullptr) context.counters->other_zone.add();
    Group& group = is_for_others ? others_ : own_;
    if (!request.is_first_try()) [[unlikely]]
      return pick_again(group, is_for_others ? own_ : others_, request);
    return pick_of(group, request);
  }

 private:
  struct Group {
    std::vector<EndpointState*> endpoints;
    std::unique_ptr<Balancer> balancer;  // null for less than two endpoints
  };
  static constexpr std::chrono::milliseconds kNever = std::chrono::milliseconds::max();
  static constexpr std::uint64_t kWhole = std::uint64_t{1} << 32;

  static EndpointState* pick_of(Group& group, const PickRequest& request) {
    if (group.balancer != nullptr) [[likely]]
      return group.balancer->pick(request);
    return group.endpoints.empty() ? nullptr : group.endpoints.front();
  }
  static EndpointState* pick_again(Group& group, Group& other, const PickRequest& request);
  static EndpointState* pick_other(Group& group, const PickRequest& request);
  void update_shares(PickContext& context);
  void choose_candidates();
  void split_by_zone(const PickContext& context);
  bool is_for_other_zone() {
    own_credit_ += own_part_;
    if (own_credit_ < kWhole) return true;
    own_credit_ -= kWhole;
    return false;
  }

  const ClusterEntry* entry_ = nullptr;
  std::span<EndpointState* const> all_;
  Group own_;                                        // those of our zone, or all when zones do not matter
  Group others_;                                     // those of other zones
  std::uint64_t own_part_ = kWhole;                  // of the picks
  std::uint64_t own_credit_ = 0;                     // picks due to own_ and not had, of kWhole
  std::chrono::milliseconds next_refresh_ = kNever;  // shares grow
  bool is_panic_ = false;
};

}  // namespace ingress::upstream
