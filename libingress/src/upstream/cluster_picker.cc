#include "upstream/cluster_picker.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <set>
#include <string_view>

#include "upstream/endpoint_state.h"

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;

// Of SlowStart: a share is so many times the weight, so that small weights can grow in steps.
constexpr double kShareScale = 1000;
// Of a slow start's window: between two looks at the shares.
constexpr int kSteps = 100;
constexpr milliseconds kMinStep{10};

std::uint64_t growing_share(const EndpointState& endpoint, const SlowStart& settings, milliseconds age) {
  const double part =
      std::clamp(static_cast<double>(age.count()) / static_cast<double>(settings.window.count()), 0.0, 1.0);
  const double grown =
      std::max(std::pow(part, 100.0 / settings.aggression_percent), settings.min_weight_percent / 100.0);
  return std::max<std::uint64_t>(static_cast<std::uint64_t>(endpoint.key.weight * grown * kShareScale), 1);
}

double sum_of_shares(std::span<EndpointState* const> endpoints) {
  double sum = 0;
  for (const EndpointState* endpoint : endpoints) sum += static_cast<double>(endpoint->share);
  return sum;
}

std::size_t num_zones(std::span<EndpointState* const> endpoints) {
  std::set<std::string_view> zones;
  for (const EndpointState* endpoint : endpoints) zones.insert(endpoint->key.zone);
  return zones.size();
}

}  // namespace

void ClusterPicker::assign(const ClusterEntry& entry, std::span<EndpointState* const> endpoints,
                           PickContext& context) {
  entry_ = &entry;
  all_ = endpoints;
  update_shares(context);
  choose_candidates();
  split_by_zone(context);
  for (Group* group : {&own_, &others_}) {
    const bool has_choice = group->endpoints.size() > 1;
    group->balancer = has_choice ? make_balancer(entry, group->endpoints, context) : nullptr;
  }
}

void ClusterPicker::update_shares(PickContext& context) {
  const SlowStart& settings = entry_->cluster.slow_start;
  next_refresh_ = kNever;
  const bool is_on =
      settings.window.count() > 0 && entry_->cluster.load_balancing != LoadBalancing::kConsistentHash;
  const milliseconds now = is_on ? context.now() : milliseconds(0);
  for (EndpointState* endpoint : all_) {
    if (!is_on) {
      endpoint->share = endpoint->key.weight;
      continue;
    }
    const milliseconds age = now - endpoint->available_since;
    endpoint->share = growing_share(*endpoint, settings, age);
    if (age < settings.window) next_refresh_ = now + std::max(settings.window / kSteps, kMinStep);
  }
}

void ClusterPicker::choose_candidates() {
  own_.endpoints.clear();
  others_.endpoints.clear();
  for (EndpointState* endpoint : all_) {
    if (endpoint->availability == Availability::kAvailable) own_.endpoints.push_back(endpoint);
  }
  is_panic_ = own_.endpoints.size() * 100 < all_.size() * entry_->cluster.panic_threshold_percent;
  if (is_panic_) own_.endpoints.assign(all_.begin(), all_.end());
}

// In panic load is spread over whatever there is; a key must not lead elsewhere for another zone's proxy.
void ClusterPicker::split_by_zone(const PickContext& context) {
  own_part_ = kWhole;
  const Cluster& cluster = entry_->cluster;
  if (cluster.locality.prefer == ZonePreference::kNone || context.zone.empty() || is_panic_ ||
      cluster.load_balancing == LoadBalancing::kConsistentHash) {
    return;
  }
  std::vector<EndpointState*>& own = own_.endpoints;
  const auto is_ours = [&](const EndpointState* endpoint) { return endpoint->key.zone == context.zone; };
  const auto num_ours = static_cast<std::size_t>(std::ranges::count_if(own, is_ours));
  if (num_ours == 0 || num_ours == own.size()) return;  // nothing to prefer
  const double all_shares = sum_of_shares(own);
  std::ranges::copy_if(own, std::back_inserter(others_.endpoints), std::not_fn(is_ours));
  std::erase_if(own, std::not_fn(is_ours));
  const double part = sum_of_shares(own) / all_shares * static_cast<double>(num_zones(all_)) *
                      cluster.locality.overprovisioning_percent / 100;
  if (part < 1) own_part_ = static_cast<std::uint64_t>(part * static_cast<double>(kWhole));
}

// After a failure: one that has not failed the request, of the other group when this one has none left. When
// all have failed: not the last one, if there is another.
EndpointState* ClusterPicker::pick_again(Group& group, Group& other, const PickRequest& request) {
  EndpointState* const picked = pick_other(group, request);
  if (picked == nullptr || !request.has_failed(picked->key)) return picked;
  EndpointState* const second = pick_other(other, request);
  if (second == nullptr) return picked;
  return request.was_last(picked->key) || !request.has_failed(second->key) ? second : picked;
}

EndpointState* ClusterPicker::pick_other(Group& group, const PickRequest& request) {
  EndpointState* picked = pick_of(group, request);
  if (picked == nullptr || !request.has_failed(picked->key)) return picked;
  picked = pick_of(group, request);
  // What keeps coming has a large share, or the key: the next in the list that will do.
  const std::size_t count = group.endpoints.size();
  const auto at =
      static_cast<std::size_t>(std::ranges::find(group.endpoints, picked) - group.endpoints.begin());
  for (std::size_t i = 0; i < count; ++i) {
    EndpointState* const next = group.endpoints[(at + i) % count];
    if (!request.has_failed(next->key)) return next;
  }
  return request.was_last(picked->key) ? group.endpoints[(at + 1) % count] : picked;
}

}  // namespace ingress::upstream
