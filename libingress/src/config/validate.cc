#include "config/validate.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/ip_network.h"
#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"

namespace ingress {

std::vector<Problem> validate(const GatewayConfig& config) {
  using config::FieldPath;
  std::vector<Problem> out;
  std::unordered_set<std::string_view> names;
  std::unordered_set<std::string> keys;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    const FieldPath field("listeners", i);
    config::validate_listener(listener, field, out);
    if (!names.insert(listener.name).second) config::report_duplicate_name(listener, field, out);
    std::string key = config::listener_key(listener);
    if (!key.empty() && !keys.insert(std::move(key)).second)
      config::report_duplicate_key(listener, field, out);
  }
  std::unordered_set<std::string_view> clusters;
  for (std::size_t i = 0; i < config.clusters.size(); ++i) {
    const Cluster& cluster = config.clusters[i];
    const FieldPath field("clusters", i);
    config::validate_cluster(cluster, field, out);
    if (!clusters.insert(cluster.name).second) config::report_duplicate_name(cluster, field, out);
  }
  names.clear();
  const config::ClusterExists exists = [&](std::string_view name) { return clusters.contains(name); };
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    const Route& route = config.routes[i];
    const FieldPath field("routes", i);
    config::validate_route(route, field, exists, out);
    if (!names.insert(route.name).second) config::report_duplicate_name(route, field, out);
  }
  config::validate_certificates(config, out);
  config::validate_tls_policies(config, out);
  config::validate_udp_listeners(config, out);
  config::validate_stream_routes(config.stream_routes, config.listeners, "stream_routes", exists, out);
  return out;
}

namespace config {

void check_address(const Listener& listener, const FieldPath& field, Reporter& reporter) {
  const std::string_view address = listener.address;
  if (!address.starts_with("unix:")) {
    if (!base::is_ip_address(address)) {
      reporter.error(field.at("address"), fmt::format("is {}", quoted(address)),
                     "use an IPv4 address, an IPv6 address without brackets, or unix:/path");
    }
    return;
  }
  // Longer than sockaddr_un::sun_path could not be bound; relative ones depend on the working directory.
  const std::string_view path = address.substr(5);
  if (!path.starts_with('/') || !is_printable(path) || path.size() > 107) {
    reporter.error(field.at("address"), fmt::format("is {}, which is no usable socket path", quoted(address)),
                   "use an absolute printable path of at most 107 bytes");
  }
  if (listener.port != 0) {
    reporter.error(field.at("port"), fmt::format("is {} for a unix socket", listener.port), "set it to 0");
  }
}

void check_trusted_proxy(std::string_view text, const FieldPath& field, Reporter& reporter) {
  if (text == "unix" || base::IpNetwork::parse(text)) return;
  reporter.error(field, fmt::format("is {}", quoted(text)),
                 "use an address, a network without bits behind its prefix such as 10.0.0.0/8, or unix");
}

void check_proxy_protocol(const ListenerProxyProtocol& protocol, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(protocol, field, reporter);
  for (std::size_t i = 0; i < protocol.senders.size(); ++i)
    check_trusted_proxy(protocol.senders[i], field.at("senders", i), reporter);
}

void validate_listener(const Listener& listener, const FieldPath& field, std::vector<Problem>& out) {
  Reporter reporter = make_reporter(listener, out);
  check_table_bounds(listener, field, reporter);
  check_name(listener.name, field.at("name"), reporter);
  check_address(listener, field, reporter);
  check_table_bounds(listener.limits, field.at("limits"), reporter);
  check_table_bounds(listener.timeouts, field.at("timeouts"), reporter);
  check_table_bounds(listener.paths, field.at("paths"), reporter);
  check_table_bounds(listener.http2, field.at("http2"), reporter);
  for (std::size_t i = 0; i < listener.trusted_proxies.size(); ++i)
    check_trusted_proxy(listener.trusted_proxies[i], field.at("trusted_proxies", i), reporter);
  if (listener.proxy_protocol)
    check_proxy_protocol(*listener.proxy_protocol, field.at("proxy_protocol"), reporter);
  if (listener.tls) check_listener_tls(*listener.tls, field.at("tls"), reporter);
}

void check_endpoint(const Endpoint& endpoint, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(endpoint, field, reporter);
  check_name(endpoint.zone, field.at("zone"), reporter);
  std::string_view name = endpoint.address;
  if (name.empty() || base::is_ip_address(name)) return;  // the bounds have reported an empty one
  if (name.ends_with('.')) name.remove_suffix(1);         // an absolute DNS name
  if (!is_dns_name(name, Letters::kAnyCase)) {
    reporter.error(field.at("address"), fmt::format("is {}", quoted(endpoint.address)),
                   "use an IPv4 address, an IPv6 address without brackets, or a host name");
  }
}

void check_circuit_breakers(const CircuitBreakers& breakers, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(breakers, field, reporter);
  if (breakers.max_pending_requests != 0 && breakers.max_connections == 0) {
    reporter.warning(field.at("max_pending_requests"), "has no effect: nothing waits for a connection",
                     "set max_connections as well, or remove it");
  }
}

void check_consistent_hash(const ConsistentHash& hash, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(hash, field, reporter);
  const bool needs_name = hash.source == HashSource::kHeader || hash.source == HashSource::kCookie ||
                          hash.source == HashSource::kQueryParameter;
  if (needs_name && hash.name.empty()) {
    reporter.error(field.at("name"), "is empty", "name the header, cookie or query parameter");
  } else if (!needs_name && !hash.name.empty()) {
    reporter.error(field.at("name"), fmt::format("is {} for a key without a name", quoted(hash.name)),
                   "leave it out, or set the source to header, cookie or query_parameter");
  }
  const bool is_token = hash.source == HashSource::kHeader || hash.source == HashSource::kCookie;
  if (is_token && !hash.name.empty() && !base::is_token(hash.name)) {
    reporter.error(field.at("name"), fmt::format("is {}", quoted(hash.name)),
                   "use letters, digits and !#$%&'*+-.^_`|~ only");
  }
  if (!is_token) check_name(hash.name, field.at("name"), reporter);
  if (hash.balance_factor_percent != 0 && hash.balance_factor_percent < 100) {
    reporter.error(field.at("balance_factor_percent"), fmt::format("is {}", hash.balance_factor_percent),
                   "set it to 100 at least, or to 0 for no bound");
  }
}

void validate_cluster(const Cluster& cluster, const FieldPath& field, std::vector<Problem>& out) {
  Reporter reporter = make_reporter(cluster, out);
  check_table_bounds(cluster, field, reporter);
  check_name(cluster.name, field.at("name"), reporter);
  check_origin(cluster.origin, field.at("origin"), reporter);
  check_consistent_hash(cluster.consistent_hash, field.at("consistent_hash"), reporter);
  check_table_bounds(cluster.slow_start, field.at("slow_start"), reporter);
  check_table_bounds(cluster.locality, field.at("locality"), reporter);
  check_table_bounds(cluster.timeouts, field.at("timeouts"), reporter);
  check_table_bounds(cluster.limits, field.at("limits"), reporter);
  check_circuit_breakers(cluster.circuit_breakers, field.at("circuit_breakers"), reporter);
  if (cluster.proxy_protocol != ProxyProtocol::kNone && cluster.limits.preconnect != 0) {
    reporter.warning(field.at("limits").at("preconnect"),
                     "has no effect: a connection begins with the name of its client",
                     "leave it out, or set proxy_protocol to none");
  }
  if (cluster.tls) check_backend_tls(*cluster.tls, field.at("tls"), reporter);
  if (cluster.health_check) check_health_check(*cluster.health_check, field.at("health_check"), reporter);
  if (cluster.outlier_detection)
    check_outlier_detection(*cluster.outlier_detection, field.at("outlier_detection"), reporter);
  std::unordered_set<std::string> keys;
  for (std::size_t i = 0; i < cluster.endpoints.size(); ++i) {
    const Endpoint& endpoint = cluster.endpoints[i];
    const FieldPath endpoint_field = field.at("endpoints", i);
    check_endpoint(endpoint, endpoint_field, reporter);
    if (!keys.insert(endpoint_key(endpoint)).second) {
      reporter.error(endpoint_field,
                     fmt::format("is {} port {} once more", quoted(endpoint.address), endpoint.port),
                     "list each endpoint once; shares between backends are set by weight");
    }
  }
}

}  // namespace config
}  // namespace ingress
