#include "routing/compiled_route.h"

#include <atomic>
#include <utility>

namespace ingress::routing {

std::uint64_t next_rule_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // unique is enough: nothing is ordered by it
}

CompiledRoute::CompiledRoute(std::shared_ptr<const Route> route, ClusterSlots& slots)
    : route_(std::move(route)) {
  rules_.reserve(route_->rules.size());
  for (const RouteRule& rule : route_->rules) {
    const auto index = static_cast<std::uint32_t>(rules_.size());
    CompiledRule& compiled = rules_.emplace_back(CompiledRule{
        route_, &rule, index, rule.name.empty() ? std::to_string(index) : rule.name, next_rule_id(), {}, 0});
    compiled.backends.reserve(rule.backends.size());
    for (const BackendRef& backend : rule.backends) {
      compiled.total_weight += backend.weight;
      compiled.backends.push_back({backend.failure ? nullptr : slots.lease(backend.cluster),
                                   backend.failure ? &*backend.failure : nullptr});
    }
    compiled.mirrors.reserve(rule.mirrors.size());
    for (const RequestMirror& mirror : rule.mirrors) {
      compiled.mirrors.push_back({slots.lease(mirror.cluster), &mirror});
    }
  }
}

const std::vector<RouteMatch>& matches_of(const RouteRule& rule) {
  static const std::vector<RouteMatch> kEveryPath(1);
  return rule.matches.empty() ? kEveryPath : rule.matches;
}

}  // namespace ingress::routing
