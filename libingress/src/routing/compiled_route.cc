#include "routing/compiled_route.h"

#include <atomic>
#include <utility>

namespace ingress::routing {

namespace {

std::uint64_t next_rule_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // unique is enough: nothing is ordered by it
}

}  // namespace

CompiledRoute::CompiledRoute(std::shared_ptr<const Route> route, ClusterSlots& slots)
    : route_(std::move(route)) {
  rules_.reserve(route_->rules.size());
  for (const RouteRule& rule : route_->rules) {
    const auto index = static_cast<std::uint32_t>(rules_.size());
    CompiledRule& compiled = rules_.emplace_back();
    compiled.value = &rule;
    compiled.reply = rule.reply ? &*rule.reply : nullptr;
    compiled.retry = rule.retry ? &*rule.retry : nullptr;
    compiled.deadline_header =
        rule.timeouts.deadline_header.empty() ? nullptr : &rule.timeouts.deadline_header;
    compiled.request_timeout = rule.timeouts.request;
    compiled.backend_timeout = rule.timeouts.backend_request;
    compiled.id = next_rule_id();
    compiled.index = index;
    compiled.route = route_;
    compiled.name = rule.name.empty() ? std::to_string(index) : rule.name;
    compiled.backends.reserve(rule.backends.size());
    for (const BackendRef& backend : rule.backends) {
      compiled.total_weight += backend.weight;
      compiled.backends.push_back({backend.failure ? nullptr : slots.lease(backend.cluster),
                                   backend.failure ? &*backend.failure : nullptr});
    }
    if (compiled.backends.size() == 1 && compiled.total_weight > 0 && compiled.backends[0].cluster) {
      compiled.only_cluster = compiled.backends[0].cluster->index;
    }
    compiled.has_mirrors = !rule.mirrors.empty();
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
