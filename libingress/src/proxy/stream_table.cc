#include "proxy/stream_table.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace ingress::proxy {

StreamPlace StreamPlace::take(const std::shared_ptr<StreamCount>& count, std::uint32_t max) {
  std::uint32_t open = count->num_open.load(std::memory_order_relaxed);
  do {
    if (max != 0 && open >= max) return {};
  } while (!count->num_open.compare_exchange_weak(open, open + 1, std::memory_order_relaxed));
  return StreamPlace(count);
}

StreamTable::StreamTable(std::vector<CompiledStreamRoutePtr> routes) : routes_(std::move(routes)) {
  for (const CompiledStreamRoutePtr& route : routes_) {
    if (route->value.tls == StreamTls::kNone) {
      if (unread_ == nullptr) unread_ = route.get();
      continue;
    }
    if (route->value.server_names.empty() && others_ == nullptr) others_ = route.get();
    for (const std::string_view name : route->value.server_names) {
      const bool is_wildcard = name.starts_with("*.");
      // Of several the first stays.
      (is_wildcard ? wildcards_ : exact_).emplace(is_wildcard ? name.substr(2) : name, route.get());
    }
  }
}

const CompiledStreamRoute* StreamTable::find(std::string_view server_name) const {
  if (!server_name.empty()) {
    if (const auto found = exact_.find(server_name); found != exact_.end()) return found->second;
    // As certificates have it (RFC 6125 6.4.3): one label, and there has to be one.
    const std::size_t dot = server_name.find('.');
    if (dot != std::string_view::npos && dot > 0) {
      const auto found = wildcards_.find(server_name.substr(dot + 1));
      if (found != wildcards_.end()) return found->second;
    }
  }
  return others_;
}

std::vector<StreamRoute> StreamTables::after(const ConfigDelta& delta) const {
  std::map<std::string_view, const StreamRoute*> routes;
  for (const auto& [name, route] : routes_) routes.emplace(name, &route->value);
  for (const std::string& name : delta.remove_stream_routes) routes.erase(name);
  for (const StreamRoute& route : delta.upsert_stream_routes) routes.insert_or_assign(route.name, &route);
  std::vector<StreamRoute> out;
  out.reserve(routes.size());
  for (const auto& [name, route] : routes) out.push_back(*route);
  return out;
}

bool StreamTables::apply(const ConfigDelta& delta) {
  std::set<std::string> touched;
  for (const std::string& name : delta.remove_stream_routes) {
    const auto held = routes_.find(name);
    if (held == routes_.end()) continue;
    touched.insert(held->second->value.listener);
    routes_.erase(held);
  }
  for (const StreamRoute& route : delta.upsert_stream_routes) {
    CompiledStreamRoutePtr& held = routes_[route.name];
    if (held && held->value == route) continue;
    if (held) touched.insert(held->value.listener);
    touched.insert(route.listener);
    held = compile(route);
  }
  for (const std::string& listener : touched) remake(listener);
  if (!touched.empty()) std::erase_if(counts_, [](const auto& count) { return count.second.expired(); });
  return !touched.empty();
}

std::shared_ptr<const StreamTable> StreamTables::find(const std::string& listener) const {
  const auto found = tables_.find(listener);
  return found == tables_.end() ? nullptr : found->second;
}

CompiledStreamRoutePtr StreamTables::compile(const StreamRoute& route) {
  auto compiled = std::make_shared<CompiledStreamRoute>(
      CompiledStreamRoute{.value = route, .id = routing::next_rule_id(), .count = count_of(route.name)});
  for (const BackendRef& backend : compiled->value.backends) {
    compiled->total_weight += backend.weight;
    compiled->backends.push_back({backend.failure ? nullptr : slots_->lease(backend.cluster),
                                  backend.failure ? &*backend.failure : nullptr});
  }
  return compiled;
}

std::shared_ptr<StreamCount> StreamTables::count_of(const std::string& name) {
  std::weak_ptr<StreamCount>& known = counts_[name];
  std::shared_ptr<StreamCount> count = known.lock();
  if (!count) known = count = std::make_shared<StreamCount>();
  return count;
}

// Cost: linear in all routes.
void StreamTables::remake(const std::string& listener) {
  std::vector<CompiledStreamRoutePtr> routes;
  for (const auto& [name, route] : routes_) {
    if (route->value.listener == listener) routes.push_back(route);
  }
  if (routes.empty()) {
    tables_.erase(listener);
    return;
  }
  std::ranges::sort(routes, {}, [](const CompiledStreamRoutePtr& route) -> const std::string& {
    return route->value.name;
  });
  tables_[listener] = std::make_shared<const StreamTable>(std::move(routes));
}

}  // namespace ingress::proxy
