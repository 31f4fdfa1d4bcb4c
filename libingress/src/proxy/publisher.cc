#include "proxy/publisher.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/validate.h"

namespace ingress::proxy {
namespace {

// Calls `use` for each cluster that the rule names, as often as it does.
template <class Use>
void for_each_cluster(const RouteRule& rule, Use&& use) {
  for (const BackendRef& backend : rule.backends) {
    if (!backend.cluster.empty()) use(backend.cluster);
  }
  for (const RequestMirror& mirror : rule.mirrors) use(mirror.cluster);
}

}  // namespace

BoundListener::~BoundListener() {
  for (const int fd : fds) {
    if (fd >= 0) ::close(fd);
  }
}

Publisher::Publisher(Bind bind, UdpPublisher::Bind bind_udp)
    : bind_(std::move(bind)),
      slots_(base::SlotRegistry::create()),
      route_compiler_(slots_),
      cluster_compiler_(slots_),
      udp_(std::move(bind_udp), slots_),
      streams_(slots_),
      certificates_(std::make_shared<const tls::CertTable>()) {}

std::expected<SnapshotPtr, std::vector<Problem>> Publisher::publish(const GatewayConfig& config) {
  std::vector<Problem> problems = validate(config);
  if (config::has_errors(problems)) return std::unexpected(std::move(problems));
  const ConfigDelta delta = delta_to(config);
  Certificates certificates = load_certificates(delta, problems);
  TlsPolicies policies = policy_compiler_.load(delta, problems);
  const auto backend_tls = cluster_compiler_.load_tls(delta.upsert_clusters, problems);
  if (config::has_errors(problems)) return std::unexpected(std::move(problems));
  return commit(delta, listeners_after(delta), std::move(certificates), std::move(policies));
}

std::expected<SnapshotPtr, std::vector<Problem>> Publisher::apply(const ConfigDelta& delta) {
  Listeners listeners = listeners_after(delta);
  std::vector<Problem> problems = check(delta, listeners);
  Certificates certificates = load_certificates(delta, problems);
  TlsPolicies policies = policy_compiler_.load(delta, problems);
  const auto backend_tls = cluster_compiler_.load_tls(delta.upsert_clusters, problems);
  if (config::has_errors(problems)) return std::unexpected(std::move(problems));
  return commit(delta, std::move(listeners), std::move(certificates), std::move(policies));
}

GatewayConfig Publisher::config() const {
  GatewayConfig config;
  for (const auto& [name, listener] : listeners_) config.listeners.push_back(listener);
  for (const auto& [name, entry] : cluster_compiler_.clusters()) config.clusters.push_back(entry->cluster);
  for (const auto& [name, route] : routes_) config.routes.push_back(*route);
  certificates_->for_each(
      [&](const tls::ServedCertificate& held) { config.certificates.push_back(held.value()); });
  policy_compiler_.add_to(config);
  for (const auto& [name, listener] : udp_.listeners()) config.udp_listeners.push_back(listener);
  for (const auto& [name, route] : streams_.routes()) config.stream_routes.push_back(route->value);
  return config;
}

ConfigDelta Publisher::delta_to(const GatewayConfig& config) const {
  ConfigDelta delta;
  std::set<std::string_view> listeners, clusters, routes, certificates, streams;
  for (const Listener& listener : config.listeners) {
    listeners.insert(listener.name);
    const auto held = listeners_.find(listener.name);
    if (held == listeners_.end() || held->second != listener) delta.upsert_listeners.push_back(listener);
  }
  for (const Cluster& cluster : config.clusters) {
    clusters.insert(cluster.name);
    const Cluster* held = cluster_compiler_.find(cluster.name);
    if (held == nullptr || *held != cluster) delta.upsert_clusters.push_back(cluster);
  }
  for (const Route& route : config.routes) {
    routes.insert(route.name);
    const auto held = routes_.find(route.name);
    if (held == routes_.end() || *held->second != route) delta.upsert_routes.push_back(route);
  }
  for (const Certificate& certificate : config.certificates) {
    certificates.insert(certificate.name);
    const tls::ServedCertificate* held = certificates_->find_named(certificate.name);
    if (held == nullptr || held->value() != certificate) delta.upsert_certificates.push_back(certificate);
  }
  for (const StreamRoute& route : config.stream_routes) {
    streams.insert(route.name);
    const auto held = streams_.routes().find(route.name);
    if (held == streams_.routes().end() || held->second->value != route)
      delta.upsert_stream_routes.push_back(route);
  }
  for (const auto& [name, route] : streams_.routes()) {
    if (!streams.contains(name)) delta.remove_stream_routes.push_back(name);
  }
  for (const auto& [name, listener] : listeners_) {
    if (!listeners.contains(name)) delta.remove_listeners.push_back(name);
  }
  for (const auto& [name, entry] : cluster_compiler_.clusters()) {
    if (!clusters.contains(name)) delta.remove_clusters.push_back(name);
  }
  for (const auto& [name, route] : routes_) {
    if (!routes.contains(name)) delta.remove_routes.push_back(name);
  }
  certificates_->for_each([&](const tls::ServedCertificate& held) {
    if (!certificates.contains(held.key())) delta.remove_certificates.emplace_back(held.key());
  });
  policy_compiler_.add_difference(config, delta);
  udp_.add_changes(config.udp_listeners, delta);
  return delta;
}

Publisher::Listeners Publisher::listeners_after(const ConfigDelta& delta) const {
  Listeners listeners = listeners_;
  for (const std::string& name : delta.remove_listeners) listeners.erase(name);
  for (const Listener& listener : delta.upsert_listeners) listeners.insert_or_assign(listener.name, listener);
  return listeners;
}

std::vector<Problem> Publisher::check(const ConfigDelta& delta, const Listeners& listeners) const {
  GatewayConfig only_listeners;  // few, and they are checked against each other
  for (const auto& [name, listener] : listeners) only_listeners.listeners.push_back(listener);
  std::vector<Problem> problems = validate(only_listeners);
  std::map<std::string_view, const Cluster*> added;
  std::set<std::string_view> removed(delta.remove_clusters.begin(), delta.remove_clusters.end());
  for (std::size_t i = 0; i < delta.upsert_clusters.size(); ++i) {
    added.insert_or_assign(delta.upsert_clusters[i].name, &delta.upsert_clusters[i]);
    config::validate_cluster(delta.upsert_clusters[i], config::FieldPath("upsert_clusters", i), problems);
  }
  const config::FindCluster find_cluster = [&](std::string_view name) {
    if (const auto found = added.find(name); found != added.end()) return found->second;
    return removed.contains(name) ? nullptr : cluster_compiler_.find(std::string(name));
  };
  const config::ClusterExists cluster_exists = [&](std::string_view name) {
    return find_cluster(name) != nullptr;
  };
  for (std::size_t i = 0; i < delta.upsert_routes.size(); ++i) {
    config::validate_route(delta.upsert_routes[i], config::FieldPath("upsert_routes", i), cluster_exists,
                           problems);
  }
  check_removed_clusters(delta, problems);
  check_streams(delta, listeners, cluster_exists, problems);
  for (std::size_t i = 0; i < delta.upsert_certificates.size(); ++i) {
    config::validate_certificate(delta.upsert_certificates[i], config::FieldPath("upsert_certificates", i),
                                 problems);
  }
  for (std::size_t i = 0; i < delta.upsert_tls_policies.size(); ++i) {
    config::validate_tls_policy(delta.upsert_tls_policies[i], config::FieldPath("upsert_tls_policies", i),
                                problems);
  }
  UdpPublisher::check(udp_.after(delta), find_cluster, problems);
  return problems;
}

// All of them, as they depend on each other, on listeners and on clusters; when one of these changes.
void Publisher::check_streams(const ConfigDelta& delta, const Listeners& listeners,
                              const config::ClusterExists& cluster_exists,
                              std::vector<Problem>& problems) const {
  const bool is_touched = !delta.upsert_stream_routes.empty() || !delta.remove_stream_routes.empty();
  const bool has_ground_moved =
      !delta.upsert_listeners.empty() || !delta.remove_listeners.empty() || !delta.remove_clusters.empty();
  if (!is_touched && (!has_ground_moved || streams_.routes().empty())) return;
  std::vector<Listener> all;
  for (const auto& [name, listener] : listeners) all.push_back(listener);
  config::validate_stream_routes(streams_.after(delta), all, "stream_routes", cluster_exists, problems);
}

// Parses what is new, once; null where a problem is an error.
Publisher::Certificates Publisher::load_certificates(const ConfigDelta& delta,
                                                     std::vector<Problem>& problems) const {
  Certificates certificates;
  const std::set<std::string_view> removed(delta.remove_certificates.begin(),
                                           delta.remove_certificates.end());
  for (const Certificate& certificate : delta.upsert_certificates) {
    const tls::ServedCertificate* held = certificates_->find_named(certificate.name);
    if (held != nullptr && held->value() == certificate && !removed.contains(certificate.name)) continue;
    auto loaded = tls::ServedCertificate::load(certificate, std::chrono::system_clock::now(), held);
    for (Problem& problem : loaded.problems) {
      problem.field.insert(0, "certificates." + certificate.name + ".");
      problems.push_back(std::move(problem));
    }
    certificates.push_back(std::move(loaded.certificate));
  }
  return certificates;
}

// A cluster goes only together with the last route that names it.
void Publisher::check_removed_clusters(const ConfigDelta& delta, std::vector<Problem>& problems) const {
  for (std::size_t i = 0; i < delta.remove_clusters.size(); ++i) {
    const std::string& name = delta.remove_clusters[i];
    if (std::ranges::find(delta.upsert_clusters, name, &Cluster::name) != delta.upsert_clusters.end())
      continue;
    const auto users = cluster_users_.find(name);
    if (users == cluster_users_.end()) continue;
    int left = users->second;
    const auto forget = [&](const std::string& route_name) {
      const auto route = routes_.find(route_name);
      if (route == routes_.end()) return;
      for (const RouteRule& rule : route->second->rules) {
        for_each_cluster(rule, [&](const std::string& used) { left -= used == name ? 1 : 0; });
      }
    };
    std::set<std::string> touched(delta.remove_routes.begin(), delta.remove_routes.end());
    for (const Route& route : delta.upsert_routes) touched.insert(route.name);
    std::ranges::for_each(touched, forget);
    if (left <= 0) continue;
    problems.push_back({.field = config::FieldPath("remove_clusters", i).text(),
                        .why = "cluster \"" + name + "\" is still named by routes",
                        .fix = "remove or change those routes in the same delta"});
  }
}

std::expected<std::vector<ListenerEntry>, std::vector<Problem>> Publisher::bind(const Listeners& listeners) {
  std::vector<ListenerEntry> entries;
  std::vector<Problem> problems;
  for (const auto& [name, listener] : listeners) {
    // The address is the identity; without a fixed port the name has to do.
    const std::string key = config::listener_key(listener);
    std::shared_ptr<BoundListener> bound;
    std::shared_ptr<const tls::ServerContext> context;
    if (current_) {
      for (const ListenerEntry& held : current_->listeners) {
        const std::string held_key = config::listener_key(held.listener);
        if (key == held_key && (!key.empty() || held.listener.name == name)) bound = held.bound;
        // Kept while it can be: sessions resume only under the context that they began with.
        const bool is_same_tls =
            (held.tls ? listener.tls && held.tls->settings() == *listener.tls : !listener.tls) &&
            held.listener.http2.mode == listener.http2.mode;
        if (held.listener.name == name && is_same_tls) context = held.tls;
      }
    }
    if (listener.tls && !context) {
      context = make_tls_context(listener, entries, problems);
      if (!context) continue;
    }
    if (!bound) {
      auto made = bind_(listener);
      if (!made) {
        problems.push_back({.object = {.kind = "Listener", .name = name},
                            .field = "listeners." + name + ".address",
                            .why = made.error().text(),
                            .fix = "free the address, or let the listener have another one"});
        continue;
      }
      bound = std::move(*made);
    }
    std::shared_ptr<const policy::TrustedProxies> trusted;
    if (!listener.trusted_proxies.empty())
      trusted = std::make_shared<const policy::TrustedProxies>(listener.trusted_proxies);
    std::shared_ptr<const policy::TrustedProxies> senders;
    if (listener.proxy_protocol)
      senders = std::make_shared<const policy::TrustedProxies>(listener.proxy_protocol->senders);
    ListenerEntry& entry = entries.emplace_back(ListenerEntry{listener, std::move(bound), std::move(trusted),
                                                              std::move(senders), std::move(context)});
    entry.listener.tls.reset();
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return entries;
}

// Null, with problems, when it cannot be made. `entries`: those of this change so far.
std::shared_ptr<const tls::ServerContext> Publisher::make_tls_context(
    const Listener& listener, const std::vector<ListenerEntry>& entries,
    std::vector<Problem>& problems) const {
  const auto report = [&](Problem problem) {
    problem.object = {.kind = "Listener", .name = listener.name};
    problem.field.insert(0, "listeners." + listener.name + ".tls");
    problems.push_back(std::move(problem));
  };
  std::shared_ptr<const tls::ClientVerifier> clients;
  const auto& asked = listener.tls->client_certificates;
  if (asked && asked->mode != ClientCertificateMode::kOff) {
    std::vector<std::shared_ptr<const tls::ClientTrust>> held;
    const auto collect = [&](const std::vector<ListenerEntry>& listeners) {
      for (const ListenerEntry& entry : listeners)
        if (entry.tls && entry.tls->clients() != nullptr) held.push_back(entry.tls->clients()->trust());
    };
    collect(entries);
    if (current_) collect(current_->listeners);
    auto loaded = tls::ClientVerifier::load(*asked, std::chrono::system_clock::now(), held);
    for (Problem& problem : loaded.problems) {
      if (problem.severity != Severity::kError) continue;
      problem.field.insert(0, ".client_certificates.");
      report(std::move(problem));
    }
    clients = std::move(loaded.verifier);
    if (!clients) return nullptr;
  }
  auto made = tls::ServerContext::create(*listener.tls, listener.http2.mode, listener.name, ticket_keys_,
                                         std::move(clients));
  if (made) return std::move(*made);
  report({.why = made.error().text(), .fix = "change the value, or report this"});
  return nullptr;
}

// The same pointer as before when the names are.
std::shared_ptr<const policy::ReservedHeaders> Publisher::reserved_headers() const {
  std::vector<std::string> names;
  for (const auto& [name, listener] : listeners_)
    if (listener.tls) policy::add_reserved_names(listener.tls->client_certificates, names);
  if (policy_compiler_.table()) {
    policy_compiler_.table()->for_each([&](const tls::HostPolicy& held) {
      policy::add_reserved_names(held.value().client_certificates, names);
    });
  }
  if (names.empty()) return nullptr;
  auto reserved = std::make_shared<const policy::ReservedHeaders>(names);
  const bool is_same = current_ && current_->reserved_headers && *current_->reserved_headers == *reserved;
  return is_same ? current_->reserved_headers : reserved;
}

std::expected<SnapshotPtr, std::vector<Problem>> Publisher::commit(const ConfigDelta& delta,
                                                                   Listeners listeners, Certificates loaded,
                                                                   TlsPolicies policies) {
  auto entries = bind(listeners);
  if (!entries) return std::unexpected(std::move(entries.error()));
  UdpPublisher::Listeners udp_listeners = udp_.after(delta);
  auto udp_entries = udp_.bind(udp_listeners);
  if (!udp_entries) return std::unexpected(std::move(udp_entries.error()));
  const bool same_listeners = current_ != nullptr && listeners == listeners_;
  listeners_ = std::move(listeners);

  for (const std::string& name : delta.remove_routes) {
    if (const auto held = routes_.find(name); held != routes_.end()) {
      count_users(*held->second, -1);
      routes_.erase(held);
    }
  }
  std::vector<std::shared_ptr<const Route>> upserts;
  upserts.reserve(delta.upsert_routes.size());
  for (const Route& route : delta.upsert_routes) {
    std::shared_ptr<const Route>& held = routes_[route.name];
    if (held && *held == route) continue;
    if (held) count_users(*held, -1);
    held = std::make_shared<const Route>(route);
    count_users(route, 1);
    upserts.push_back(held);
  }
  auto routes = route_compiler_.apply(upserts, delta.remove_routes);
  auto clusters = cluster_compiler_.apply(delta.upsert_clusters, delta.remove_clusters);
  change_certificates(delta, std::move(loaded));
  policy_compiler_.apply(delta, std::move(policies));
  const bool same_policies = current_ != nullptr && policy_compiler_.table() == current_->tls_policies;
  const bool same_udp = !udp_.commit(std::move(udp_listeners), *udp_entries);
  const bool same_streams = !streams_.apply(delta);
  for (ListenerEntry& entry : *entries) entry.streams = streams_.find(entry.listener.name);
  if (same_listeners && same_policies && same_udp && same_streams && routes == current_->routes &&
      clusters == current_->clusters && certificates_ == current_->certificates)
    return current_;
  auto reserved = same_listeners && same_policies ? current_->reserved_headers : reserved_headers();
  current_ = std::make_shared<const Snapshot>(Snapshot{.generation = current_ ? current_->generation + 1 : 1,
                                                       .listeners = std::move(*entries),
                                                       .routes = std::move(routes),
                                                       .clusters = std::move(clusters),
                                                       .certificates = certificates_,
                                                       .tls_policies = policy_compiler_.table(),
                                                       .reserved_headers = std::move(reserved),
                                                       .udp_listeners = std::move(*udp_entries)});
  return current_;
}

void Publisher::change_certificates(const ConfigDelta& delta, Certificates loaded) {
  const bool removes = std::ranges::any_of(
      delta.remove_certificates, [&](const std::string& name) { return certificates_->find_named(name); });
  if (loaded.empty() && !removes) return;
  tls::CertTable::Builder builder(*certificates_);
  for (const std::string& name : delta.remove_certificates) builder.remove(name);
  for (tls::ServedCertificatePtr& certificate : loaded) builder.put(std::move(certificate));
  certificates_ = std::make_shared<const tls::CertTable>(builder.take());
}

void Publisher::count_users(const Route& route, int by) {
  for (const RouteRule& rule : route.rules) {
    for_each_cluster(rule, [&](const std::string& name) {
      int& users = cluster_users_[name];
      users += by;
      if (users == 0) cluster_users_.erase(name);
    });
  }
}

}  // namespace ingress::proxy
