// Makes a configuration validate by closing what is broken, never by opening it: a wrong host or match
// is taken away instead of widened, a wrong rule or backend answers 500.
#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "config/bounds.h"
#include "config/checks.h"
#include "config/repairs.h"
#include "config/validate.h"

namespace ingress {
namespace config {

void close_backend(BackendRef& backend) {
  backend.failure = FixedReply{.status = 500, .why = "invalid_backend"};
  backend.weight = std::min(backend.weight, static_cast<std::uint32_t>(kMaxWeight));
  if (is_faulty_name(backend.cluster)) backend.cluster.clear();
}

void quarantine_backend(BackendRef& backend, const ClusterExists& cluster_exists) {
  if (is_faulty([&](Reporter& reporter) { check_backend(backend, {}, cluster_exists, reporter); }))
    close_backend(backend);
}

namespace {

Repair quarantine_rule(RouteRule& rule, const ClusterExists& cluster_exists) {
  // A rule without matches would match every path: when none is left, the rule goes too.
  const bool had_matches = !rule.matches.empty();
  std::erase_if(rule.matches, [](const RouteMatch& match) {
    return is_faulty([&](Reporter& reporter) { check_match(match, {}, reporter); });
  });
  cut_to_bounds(rule, &RouteRule::matches);
  if (had_matches && rule.matches.empty()) return Repair::kDrop;
  if (is_faulty([&](Reporter& reporter) { check_rule_itself(rule, {}, reporter); })) {
    if (is_faulty_name(rule.name)) rule.name.clear();
    rule.backends.clear();
    rule.reply = FixedReply{.status = 500, .why = "invalid_rule"};
    rule.timeouts = {};
    rule.retry.reset();
    if (rule.hsts) reset_out_of_bounds(*rule.hsts);
    if (rule.plain_requests != PlainRequests::kRedirect) rule.plain_requests = PlainRequests::kServe;
    if (rule.grpc_web != GrpcWeb::kTranslate) rule.grpc_web = GrpcWeb::kPass;
  }
  std::erase_if(rule.mirrors, [&](const RequestMirror& mirror) {
    return is_faulty([&](Reporter& reporter) { check_mirror(mirror, {}, cluster_exists, reporter); });
  });
  cut_to_bounds(rule, &RouteRule::mirrors);
  for (BackendRef& backend : rule.backends) quarantine_backend(backend, cluster_exists);
  return Repair::kKeep;
}

// Whom we cannot name we do not trust.
void quarantine_peers(std::vector<std::string>& peers) {
  std::erase_if(peers, [](const std::string& text) {
    return is_faulty([&](Reporter& reporter) { check_trusted_proxy(text, {}, reporter); });
  });
}

// Whom the backends should be cannot be told any more, and nobody else may get the requests: none is left.
void quarantine_backend_tls(Cluster& cluster) {
  const auto is_unusable = [&] {
    return is_faulty([&](Reporter& reporter) { check_backend_tls(*cluster.tls, {}, reporter); });
  };
  if (!is_unusable()) return;
  cluster.endpoints.clear();
  cluster.tls = BackendTls{};
}

// After the clusters that they name.
void quarantine_udp_listeners(GatewayConfig& config) {
  std::unordered_map<std::string_view, const Cluster*> clusters;
  for (const Cluster& cluster : config.clusters) clusters.emplace(cluster.name, &cluster);
  const FindCluster find = [&](std::string_view name) {
    const auto found = clusters.find(name);
    return found == clusters.end() ? nullptr : found->second;
  };
  std::unordered_set<std::string> keys;
  repair_all(config.udp_listeners, [&](UdpListener& listener) {
    if (quarantine_udp_listener(listener, find) == Repair::kDrop) return Repair::kDrop;
    std::string key = udp_listener_key(listener);
    const bool is_taken = !key.empty() && !keys.insert(std::move(key)).second;
    return is_taken ? Repair::kDrop : Repair::kKeep;
  });
  cut_to_bounds(config, &GatewayConfig::udp_listeners);
}

}  // namespace

Repair quarantine_listener(Listener& listener) {
  const bool is_unusable = listener.name.empty() || is_faulty_name(listener.name) ||
                           is_faulty([&](Reporter& reporter) { check_address(listener, {}, reporter); });
  if (is_unusable) return Repair::kDrop;
  reset_out_of_bounds(listener.limits);
  reset_out_of_bounds(listener.timeouts);
  // What cannot be read may have been meant to refuse.
  if (is_faulty([&](Reporter& reporter) { check_table_bounds(listener.paths, {}, reporter); }))
    listener.paths.ambiguous = AmbiguousPaths::kReject;
  reset_out_of_bounds(listener.paths);
  reset_out_of_bounds(listener.http2);
  quarantine_peers(listener.trusted_proxies);
  cut_to_bounds(listener, &Listener::trusted_proxies);
  if (listener.proxy_protocol) {
    quarantine_peers(listener.proxy_protocol->senders);
    // Nobody could use it; and without the header every client would pass for its proxy.
    if (listener.proxy_protocol->senders.empty()) return Repair::kDrop;
    cut_to_bounds(*listener.proxy_protocol, &ListenerProxyProtocol::senders);
  }
  if (listener.tls) quarantine_tls(*listener.tls);
  reset_out_of_bounds(listener);  // numbers and enumerators; name and address are within theirs by now
  return Repair::kKeep;
}

Repair quarantine_cluster(Cluster& cluster) {
  if (cluster.name.empty() || is_faulty_name(cluster.name)) return Repair::kDrop;
  for (Endpoint& endpoint : cluster.endpoints) {
    // Without its zone or weight it serves as well; without address or port it is none.
    reset_out_of_bounds(endpoint);
    if (is_faulty_name(endpoint.zone)) endpoint.zone.clear();
  }
  std::unordered_set<std::string> keys;
  std::erase_if(cluster.endpoints, [&](const Endpoint& endpoint) {
    return is_faulty([&](Reporter& reporter) { check_endpoint(endpoint, {}, reporter); }) ||
           !keys.insert(endpoint_key(endpoint)).second;
  });
  cut_to_bounds(cluster, &Cluster::endpoints);
  // Without the header every client would pass for us.
  if (!is_within_bounds({}, cluster.proxy_protocol)) cluster.endpoints.clear();
  reset_out_of_bounds(cluster);  // the load balancing; name and endpoints are within theirs by now
  if (is_faulty([&](Reporter& reporter) { check_consistent_hash(cluster.consistent_hash, {}, reporter); }))
    cluster.consistent_hash = {};
  reset_out_of_bounds(cluster.slow_start);
  reset_out_of_bounds(cluster.locality);
  reset_out_of_bounds(cluster.timeouts);
  reset_out_of_bounds(cluster.limits);
  if (cluster.health_check) {
    // What cannot be asked for is not asked for: without a check an endpoint counts as healthy.
    reset_out_of_bounds(*cluster.health_check);
    const bool is_unusable =
        is_faulty([&](Reporter& reporter) { check_health_check(*cluster.health_check, {}, reporter); });
    if (is_unusable) cluster.health_check.reset();
  }
  if (cluster.outlier_detection) reset_out_of_bounds(*cluster.outlier_detection);
  if (cluster.tls) quarantine_backend_tls(cluster);
  quarantine_origin(cluster.origin);
  return Repair::kKeep;
}

Repair quarantine_route(Route& route, const ClusterExists& cluster_exists) {
  if (route.name.empty() || is_faulty_name(route.name)) return Repair::kDrop;
  // A route without hosts would serve any host: when none is left, the route goes too.
  const bool had_hosts = !route.hosts.empty();
  std::erase_if(route.hosts, [](const std::string& host) {
    return is_faulty([&](Reporter& reporter) { check_host(host, {}, reporter); });
  });
  cut_to_bounds(route, &Route::hosts);
  if (had_hosts && route.hosts.empty()) return Repair::kDrop;
  std::erase_if(route.rules,
                [&](RouteRule& rule) { return quarantine_rule(rule, cluster_exists) == Repair::kDrop; });
  cut_to_bounds(route, &Route::rules);
  quarantine_origin(route.origin);
  return Repair::kKeep;
}

Repair quarantine_certificate(Certificate& certificate) {
  std::unordered_set<std::string> names;
  std::erase_if(certificate.server_names, [&](const std::string& name) {
    return is_faulty([&](Reporter& reporter) { check_server_name(name, {}, reporter); }) ||
           !names.insert(name).second;
  });
  cut_to_bounds(certificate, &Certificate::server_names);
  if (std::ssize(certificate.ocsp_response) > kMaxOcspTextBytes) certificate.ocsp_response.clear();
  quarantine_origin(certificate.origin);
  const bool is_unusable =
      is_faulty([&](Reporter& reporter) { check_certificate_itself(certificate, {}, reporter); });
  return is_unusable ? Repair::kDrop : Repair::kKeep;
}

Repair quarantine_udp_listener(UdpListener& listener, const FindCluster& find_cluster) {
  const bool is_unusable = listener.name.empty() || is_faulty_name(listener.name) ||
                           is_faulty([&](Reporter& reporter) { check_udp_address(listener, {}, reporter); });
  if (is_unusable) return Repair::kDrop;
  for (BackendRef& backend : listener.backends) {
    if (is_faulty([&](Reporter& reporter) { check_udp_backend(backend, {}, find_cluster, reporter); }))
      close_backend(backend);
  }
  cut_to_bounds(listener, &UdpListener::backends);
  reset_out_of_bounds(listener);
  quarantine_origin(listener.origin);
  return Repair::kKeep;
}

}  // namespace config

std::vector<Problem> quarantine(GatewayConfig& config) {
  std::vector<Problem> problems = validate(config);
  if (!config::has_errors(problems)) return problems;
  std::unordered_set<std::string> keys;
  config::repair_all(config.listeners, [&](Listener& listener) {
    if (config::quarantine_listener(listener) == config::Repair::kDrop) return config::Repair::kDrop;
    std::string key = config::listener_key(listener);
    const bool is_taken = !key.empty() && !keys.insert(std::move(key)).second;
    return is_taken ? config::Repair::kDrop : config::Repair::kKeep;
  });
  config::repair_all(config.clusters, config::quarantine_cluster);
  std::unordered_set<std::string_view> clusters;
  for (const Cluster& cluster : config.clusters) clusters.insert(cluster.name);
  const config::ClusterExists exists = [&](std::string_view name) { return clusters.contains(name); };
  config::repair_all(config.routes, [&](Route& route) { return config::quarantine_route(route, exists); });
  config::quarantine_stream_routes(config, exists);
  config::repair_all(config.certificates, config::quarantine_certificate);
  config::quarantine_tls_policies(config.tls_policies);
  config::cut_to_bounds(config, &GatewayConfig::certificates);
  const auto crowded = config::crowded_server_names(config.certificates);
  for (auto at = crowded.rbegin(); at != crowded.rend(); ++at) {  // from the back: indexes stay right
    auto& names = config.certificates[at->certificate].server_names;
    names.erase(names.begin() + static_cast<std::ptrdiff_t>(at->name));
  }
  config::quarantine_udp_listeners(config);
  return problems;
}

}  // namespace ingress
