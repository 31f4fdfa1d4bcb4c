// Stream routes: each by itself, and what several of one listener may not be together.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/bounds.h"
#include "config/checks.h"
#include "config/repairs.h"
#include "config/syntax.h"
#include "config/validate.h"

namespace ingress::config {
namespace {

// Without what depends on other parts, names and backends.
void check_stream_route_itself(const StreamRoute& route, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(route, field, reporter);
  check_name(route.name, field.at("name"), reporter);
  check_name(route.listener, field.at("listener"), reporter);
  check_origin(route.origin, field.at("origin"), reporter);
  if (route.tls == StreamTls::kNone && !route.server_names.empty()) {
    reporter.error(field.at("server_names"), "is set, and without TLS nobody names a server",
                   "leave it out, or set tls to passthrough or terminate");
  }
}

void check_stream_names(const StreamRoute& route, const FieldPath& field, Reporter& reporter) {
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < route.server_names.size(); ++i) {
    const std::string& name = route.server_names[i];
    check_server_name(name, field.at("server_names", i), reporter);
    if (!names.insert(name).second) {
      reporter.error(field.at("server_names", i), fmt::format("is {} once more", quoted(name)),
                     "list it once");
    }
  }
}

void check_stream_backends(const StreamRoute& route, const FieldPath& field,
                           const ClusterExists& cluster_exists, Reporter& reporter) {
  std::uint64_t total_weight = 0;
  for (std::size_t i = 0; i < route.backends.size(); ++i) {
    check_backend(route.backends[i], field.at("backends", i), cluster_exists, reporter);
    total_weight += route.backends[i].weight;
  }
  if (total_weight > 0) return;
  reporter.warning(field.at("backends"),
                   route.backends.empty() ? "is empty: every connection is closed"
                                          : "has weights that add up to 0: every connection is closed",
                   "give a backend a weight");
}

// What is wrong with a route on its listener, whatever other routes there are; null when nothing is.
const char* listener_fault(const StreamRoute& route, const Listener& listener) {
  if (route.tls == StreamTls::kNone && listener.tls) return "none, and the listener speaks TLS";
  if (route.tls == StreamTls::kTerminate && !listener.tls) return "terminate, and the listener has no TLS";
  return nullptr;
}

}  // namespace

void validate_stream_routes(const std::vector<StreamRoute>& routes, const std::vector<Listener>& listeners,
                            std::string_view list, const ClusterExists& cluster_exists,
                            std::vector<Problem>& out) {
  std::unordered_map<std::string_view, const Listener*> by_name;
  for (const Listener& listener : listeners) by_name.emplace(listener.name, &listener);
  std::unordered_set<std::string_view> names;
  std::unordered_map<std::string_view, std::size_t> num_routes;
  for (const StreamRoute& route : routes) ++num_routes[route.listener];
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const StreamRoute& route = routes[i];
    const FieldPath field(list, i);
    Reporter reporter = make_reporter(route, out);
    check_stream_route_itself(route, field, reporter);
    check_stream_names(route, field, reporter);
    check_stream_backends(route, field, cluster_exists, reporter);
    if (!names.insert(route.name).second) report_duplicate_name(route, field, out);
    const auto listener = by_name.find(route.listener);
    if (listener == by_name.end()) {
      reporter.error(field.at("listener"),
                     fmt::format("is {}, and there is no such listener", quoted(route.listener)),
                     "name one of the listeners, or add it");
      continue;
    }
    if (const char* fault = listener_fault(route, *listener->second)) {
      reporter.error(field.at("tls"), fmt::format("is {}", fault),
                     "set it to passthrough, or change the listener's tls");
    } else if (route.tls == StreamTls::kNone && num_routes[route.listener] > 1) {
      reporter.error(field.at("tls"), "is none, and other routes want connections of the same listener",
                     "give it a listener of its own");
    }
  }
}

namespace {

// Takes connections, and closes them.
void close_all(StreamRoute& route) {
  route.backends = {{.failure = FixedReply{.status = 500, .why = "invalid_route"}}};
}

Repair quarantine_stream_route(StreamRoute& route, const Listener& listener,
                               const ClusterExists& cluster_exists) {
  for (BackendRef& backend : route.backends) quarantine_backend(backend, cluster_exists);
  cut_to_bounds(route, &StreamRoute::backends);
  if (!is_within_bounds({}, route.tls)) {
    route.tls = StreamTls::kPassthrough;
    close_all(route);
  }
  // It would take the place of HTTPS, which goes on instead.
  if (route.tls == StreamTls::kNone && listener.tls) return Repair::kDrop;
  if (route.tls == StreamTls::kNone && !route.server_names.empty()) {
    route.server_names.clear();  // which connections were meant is not known
    close_all(route);
  }
  if (listener_fault(route, listener) != nullptr) {
    route.tls = StreamTls::kPassthrough;
    close_all(route);
  }
  // Without any name it would take every connection: when none is left, the route goes too.
  const bool had_names = !route.server_names.empty();
  std::unordered_set<std::string> names;
  std::erase_if(route.server_names, [&](const std::string& name) {
    return is_faulty([&](Reporter& reporter) { check_server_name(name, {}, reporter); }) ||
           !names.insert(name).second;
  });
  cut_to_bounds(route, &StreamRoute::server_names);
  if (had_names && route.server_names.empty()) return Repair::kDrop;
  const std::uint32_t limit = route.max_connections;
  reset_out_of_bounds(route);  // numbers; all others are within theirs by now
  // It may have been meant to be a low one.
  if (route.max_connections != limit) close_all(route);
  quarantine_origin(route.origin);
  return Repair::kKeep;
}

// Repairs what it can; which of them stay, by index. Those by the name in the handshake are asked before
// those that would take everything beside them.
std::vector<bool> repair_stream_routes(std::vector<StreamRoute>& routes,
                                       const std::vector<Listener>& listeners,
                                       const ClusterExists& cluster_exists) {
  std::unordered_map<std::string_view, const Listener*> by_name;
  for (const Listener& listener : listeners) by_name.emplace(listener.name, &listener);
  std::vector<bool> is_kept(routes.size());
  std::unordered_set<std::string> names;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const std::string& name = routes[i].name;
    if (!name.empty() && !is_faulty_name(name) && names.insert(name).second) order.push_back(i);
  }
  if (order.size() > static_cast<std::size_t>(kMaxStreamRoutes)) order.resize(kMaxStreamRoutes);
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::pair(routes[i].tls == StreamTls::kNone, std::string_view(routes[i].name));
  });
  std::unordered_set<std::string_view> used;
  for (const std::size_t i : order) {
    StreamRoute& route = routes[i];
    const auto listener = by_name.find(route.listener);
    if (listener == by_name.end()) continue;
    if (route.tls == StreamTls::kNone && used.contains(listener->first)) continue;
    if (quarantine_stream_route(route, *listener->second, cluster_exists) == Repair::kDrop) continue;
    used.insert(listener->first);
    is_kept[i] = true;
  }
  return is_kept;
}

}  // namespace

void quarantine_stream_routes(GatewayConfig& config, const ClusterExists& cluster_exists) {
  const std::vector<bool> is_kept =
      repair_stream_routes(config.stream_routes, config.listeners, cluster_exists);
  std::unordered_set<std::string> used, lost;
  std::vector<StreamRoute> kept;
  for (std::size_t i = 0; i < is_kept.size(); ++i) {
    StreamRoute& route = config.stream_routes[i];
    (is_kept[i] ? used : lost).insert(route.listener);
    if (is_kept[i]) kept.push_back(std::move(route));
  }
  config.stream_routes = std::move(kept);
  // A plain one would take for HTTP what was meant for the route.
  std::erase_if(config.listeners, [&](const Listener& listener) {
    return !listener.tls && lost.contains(listener.name) && !used.contains(listener.name);
  });
}

}  // namespace ingress::config
