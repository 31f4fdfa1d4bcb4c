// UDP listeners: each by itself, against the others, and whether their clusters can be spoken to in
// datagrams.
#include <fmt/format.h>

#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"
#include "config/validate.h"

namespace ingress::config {
namespace {

void check_cluster_for_udp(const Cluster& cluster, const FieldPath& field, Reporter& reporter) {
  if (cluster.tls) {
    reporter.error(field, fmt::format("is {}, which is spoken to over TLS", quoted(cluster.name)),
                   "name a cluster without tls: datagrams are passed on as they come");
  }
  if (cluster.proxy_protocol != ProxyProtocol::kNone) {
    reporter.error(field,
                   fmt::format("is {}, whose connections begin with a PROXY header", quoted(cluster.name)),
                   "name a cluster without proxy_protocol: datagrams are passed on as they come");
  }
}

}  // namespace

void check_udp_address(const UdpListener& listener, const FieldPath& field, Reporter& reporter) {
  if (base::is_ip_address(listener.address)) return;
  reporter.error(field.at("address"), fmt::format("is {}", quoted(listener.address)),
                 "use an IPv4 address, or an IPv6 address without brackets");
}

void check_udp_backend(const BackendRef& backend, const FieldPath& field, const FindCluster& find_cluster,
                       Reporter& reporter) {
  const ClusterExists exists = [&](std::string_view name) { return find_cluster(name) != nullptr; };
  check_backend(backend, field, exists, reporter);
  if (backend.failure) return;
  const Cluster* cluster = find_cluster(backend.cluster);
  if (cluster != nullptr) check_cluster_for_udp(*cluster, field.at("cluster"), reporter);
}

void validate_udp_listener(const UdpListener& listener, const FieldPath& field,
                           const FindCluster& find_cluster, std::vector<Problem>& out) {
  Reporter reporter = make_reporter(listener, out);
  check_table_bounds(listener, field, reporter);
  check_name(listener.name, field.at("name"), reporter);
  check_udp_address(listener, field, reporter);
  check_origin(listener.origin, field.at("origin"), reporter);
  std::uint64_t total_weight = 0;
  for (std::size_t i = 0; i < listener.backends.size(); ++i) {
    check_udp_backend(listener.backends[i], field.at("backends", i), find_cluster, reporter);
    total_weight += listener.backends[i].weight;
  }
  if (total_weight == 0) {
    reporter.warning(field.at("backends"),
                     listener.backends.empty() ? "is empty: all datagrams are dropped"
                                               : "has weights that add up to 0: all datagrams are dropped",
                     "give a backend a weight");
  }
}

void validate_udp_listeners(std::span<const UdpListener> listeners, const FindCluster& find_cluster,
                            std::vector<Problem>& out) {
  std::unordered_set<std::string_view> names;
  std::unordered_set<std::string> keys;
  for (std::size_t i = 0; i < listeners.size(); ++i) {
    const UdpListener& listener = listeners[i];
    const FieldPath field("udp_listeners", i);
    validate_udp_listener(listener, field, find_cluster, out);
    if (!names.insert(listener.name).second) report_duplicate_name(listener, field, out);
    std::string key = udp_listener_key(listener);
    if (!key.empty() && !keys.insert(std::move(key)).second) report_duplicate_key(listener, field, out);
  }
}

void validate_udp_listeners(const GatewayConfig& config, std::vector<Problem>& out) {
  std::unordered_map<std::string_view, const Cluster*> clusters;
  for (const Cluster& cluster : config.clusters) clusters.emplace(cluster.name, &cluster);
  const FindCluster find = [&](std::string_view name) {
    const auto found = clusters.find(name);
    return found == clusters.end() ? nullptr : found->second;
  };
  validate_udp_listeners(config.udp_listeners, find, out);
}

std::string udp_listener_key(const UdpListener& listener) {
  if (listener.port == 0) return {};
  return canonical_address(listener.address) + ' ' + std::to_string(listener.port);
}

}  // namespace ingress::config
