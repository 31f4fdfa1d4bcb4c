#include "routing/compiled_route.h"

#include <algorithm>
#include <utility>

namespace ingress::routing {

const CompiledBackend* CompiledRule::backend_at(std::uint64_t point) const {
  const auto found = std::ranges::upper_bound(backends, point, {}, &CompiledBackend::weight_end);
  return found == backends.end() ? nullptr : &*found;
}

CompiledRoute::CompiledRoute(std::shared_ptr<const Route> route, ClusterSlots& slots)
    : route_(std::move(route)) {
  rules_.reserve(route_->rules.size());
  for (const RouteRule& rule : route_->rules) {
    const auto index = static_cast<std::uint32_t>(rules_.size());
    CompiledRule& compiled = rules_.emplace_back(
        CompiledRule{route_, &rule, index, rule.name.empty() ? std::to_string(index) : rule.name, {}});
    compiled.backends.reserve(rule.backends.size());
    std::uint64_t weight_end = 0;
    for (const BackendRef& backend : rule.backends) {
      weight_end += backend.weight;
      compiled.backends.push_back({backend.failure ? nullptr : slots.lease(backend.cluster),
                                   backend.failure ? &*backend.failure : nullptr, weight_end});
    }
  }
}

const std::vector<RouteMatch>& matches_of(const RouteRule& rule) {
  static const std::vector<RouteMatch> kEveryPath(1);
  return rule.matches.empty() ? kEveryPath : rule.matches;
}

}  // namespace ingress::routing
