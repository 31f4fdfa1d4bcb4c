#include "controller/translator.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "controller/attach.h"
#include "controller/certificate_maker.h"

namespace ingress::controller {
namespace {

constexpr const char* kAll = "";  // of parts of the book that there is one of

std::string text_of(const ObjectName& name) {
  return name.first + '/' + name.second;
}

ObjectName name_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  return {text.substr(0, slash), text.substr(slash + 1)};
}

std::vector<ServedIngress> views_of(const IngressSet& ingresses) {
  std::vector<ServedIngress> out;
  out.reserve(ingresses.size());
  for (const IngressState* state : ingresses) out.push_back(state->served);
  return out;
}

}  // namespace

Translator::Translator(const Store& store, const TranslateOptions& options, CertificateMemory& memory)
    : store_(store),
      options_(options),
      memory_(memory),
      ingresses_(store, options, problems_),
      backends_(store, options, slices_),
      tls_(store, options, memory),
      redirects_(options, tls_.shown()) {
  changes_.hosts.emplace();  // what no host claims may have an answer too
}

void Translator::update(const std::set<ObjectKey>& touched) {
  ingresses_.update(touched, changes_);
  const auto note_clusters = [&](const ObjectName& service) {
    constexpr auto kFirst = std::numeric_limits<std::int64_t>::min();
    for (auto at = clusters_.lower_bound({service, kFirst}); at != clusters_.end(); ++at) {
      if (at->first.service != service) break;
      due_clusters_.insert(at->first);
    }
  };
  for (const ObjectKey& key : touched) {
    const ObjectName name(key.namespace_, key.name);
    if (key.kind == Service::kKind) {
      note_clusters(name);
      const auto hosts = hosts_of_service_.find(name);
      if (hosts == hosts_of_service_.end()) continue;
      for (const std::string* host : hosts->second) changes_.hosts.insert(*host);
    } else if (key.kind == EndpointSlice::kKind) {
      for (const ObjectName& service : slices_.update(store_, name)) note_clusters(service);
    } else if (key.kind == Secret::kKind) {
      touched_secrets_.insert(name);
    }
  }
}

ConfigDelta Translator::translate() {
  ConfigDelta delta;
  if (!std::exchange(has_listeners_, true)) delta = diff({}, {.listeners = options_.listeners});
  if (options_.serves_tls) translate_tls(delta);
  translate_hosts(delta);
  translate_clusters(delta);
  changes_ = {};
  return delta;
}

void Translator::translate_tls(ConfigDelta& delta) {
  std::set<ObjectName> secrets = std::move(changes_.secrets);
  secrets.insert(touched_secrets_.begin(), touched_secrets_.end());
  for (const std::string& due : memory_.take_due(options_.now())) secrets.insert(name_of(due));
  TlsScope scope{.hosts = std::move(changes_.tls_hosts), .certificates = {}};
  const IngressSet ingresses = close_scope(scope, std::move(secrets));
  ProblemList found;
  TlsParts parts = make_tls_parts(views_of(ingresses), store_, options_, memory_, found);
  keep_tls_problems(found, ingresses, scope);
  TlsChange change = tls_.replace(scope, std::move(parts));
  problems_.set(ProblemBook::Part::kDefault, kAll, tls_.default_problems());
  problems_.set(ProblemBook::Part::kWildcards, kAll, tls_.wildcard_problems());
  for (const ObjectName& secret : std::exchange(touched_secrets_, {}))
    if (!CertificateMaker::is_there(store_, secret)) memory_.forget(text_of(secret));
  for (auto& [name, certificate] : change.certificates) {
    if (certificate) {
      delta.upsert_certificates.push_back(std::move(*certificate));
    } else {
      delta.remove_certificates.push_back(name);
    }
  }
  // Plain requests to them may be sent to https now, or not any more.
  for (const std::string& host : change.hosts) {
    changes_.hosts.insert(host);
    const auto& covered = tls_.covered_by(host);
    changes_.hosts.insert(covered.begin(), covered.end());
  }
}

// The Ingresses that `scope` and `secrets` hang on; adds to the scope what hangs on these. An Ingress without
// TLS only owns hosts: what else it names is not drawn in.
IngressSet Translator::close_scope(TlsScope& scope, std::set<ObjectName> secrets) const {
  IngressSet out;
  std::vector<std::string> hosts(scope.hosts.begin(), scope.hosts.end());
  std::vector<ObjectName> names(secrets.begin(), secrets.end());
  const auto add = [&](const IngressState* state) {
    if (!out.insert(state).second || state->tls.empty()) return;
    for (const std::string& host : state->tls_hosts)
      if (scope.hosts.insert(host).second) hosts.push_back(host);
    for (const ObjectName& secret : state->secrets)
      if (secrets.insert(secret).second) names.push_back(secret);
  };
  // One may have TLS without any host or Secret.
  for (const ObjectName& name : changes_.ingresses)
    if (const IngressState* state = ingresses_.find(name)) add(state);
  while (!hosts.empty() || !names.empty()) {
    if (!hosts.empty()) {
      const std::string host = std::move(hosts.back());
      hosts.pop_back();
      std::ranges::for_each(ingresses_.naming_host(host), add);
    } else {
      const ObjectName name = std::move(names.back());
      names.pop_back();
      std::ranges::for_each(ingresses_.naming_secret(name), add);
    }
  }
  for (const ObjectName& secret : secrets) scope.certificates.insert(text_of(secret));
  return out;
}

void Translator::keep_tls_problems(const ProblemList& found, const IngressSet& ingresses,
                                   const TlsScope& scope) {
  using Part = ProblemBook::Part;
  for (const ObjectName& gone : changes_.ingresses) problems_.erase(Part::kTlsIngress, text_of(gone));
  for (const IngressState* state : ingresses) problems_.erase(Part::kTlsIngress, text_of(state->name));
  for (const std::string& name : scope.certificates) problems_.erase(Part::kSecret, name);
  for (auto& [object, problems] : found.by_object()) {
    const Part part = object.kind == Secret::kKind ? Part::kSecret : Part::kTlsIngress;
    problems_.set(part, object.namespace_ + '/' + object.name, problems);
  }
}

void Translator::translate_hosts(ConfigDelta& delta) {
  const std::set<std::string> due = std::move(changes_.hosts);
  IngressSet ingresses;
  for (const std::string& host : due) {
    const IngressSet& claiming = ingresses_.claiming(host);
    ingresses.insert(claiming.begin(), claiming.end());
  }
  const std::vector<ServedIngress> served = views_of(ingresses);
  HostProblems found;
  const HostTable claims = attach(served, &due, found);
  for (const std::string& host : due) {
    ProblemList problems = std::move(found[host]);
    replace_host(host, make_host(host, claims, problems), delta);
    problems_.set(ProblemBook::Part::kHost, host, std::move(problems));
  }
  std::ranges::sort(delta.upsert_routes, {}, &Route::name);
  std::ranges::sort(delta.remove_routes);
  // A route may go from host to host, where names are too long to be part of its own.
  std::erase_if(delta.remove_routes, [&](const std::string& name) {
    const auto at = std::ranges::lower_bound(delta.upsert_routes, name, {}, &Route::name);
    return at != delta.upsert_routes.end() && at->name == name;
  });
}

Translator::Host Translator::make_host(const std::string& name, const HostTable& claims,
                                       ProblemList& problems) const {
  Host out;
  std::set<ObjectName> services;
  std::set<ClusterKey> clusters;
  const RouteMaker maker(
      options_, redirects_, [&](const auto& namespace_, const auto& backend, const auto& referrer) {
        if (backend.service) services.emplace(namespace_, *backend.service);
        ResolvedBackend resolved = backends_.resolve(namespace_, backend, referrer, problems);
        if (resolved.cluster) clusters.insert(std::move(*resolved.cluster));
        return std::move(resolved.ref);
      });
  if (const auto group = claims.find(name); group != claims.end()) {
    out.routes = maker.make(name, group->second);
  } else if (name.empty()) {
    out.routes = maker.make_unclaimed();
  }
  out.services.assign(services.begin(), services.end());
  out.clusters.assign(clusters.begin(), clusters.end());
  return out;
}

void Translator::replace_host(const std::string& name, Host host, ConfigDelta& delta) {
  const auto known = hosts_.find(name);
  std::map<std::string_view, const Route*> before;
  if (known != hosts_.end())
    for (const Route& route : known->second.routes) before.emplace(route.name, &route);
  for (const Route& route : host.routes) {
    const auto old = before.find(route.name);
    if (old == before.end() || *old->second != route) delta.upsert_routes.push_back(route);
    if (old != before.end()) before.erase(old);
  }
  for (const auto& [gone, route] : before) delta.remove_routes.emplace_back(gone);
  const bool is_empty = host.routes.empty() && host.services.empty();
  const auto place = known == hosts_.end() && !is_empty ? hosts_.try_emplace(name).first : known;
  if (place == hosts_.end()) return;
  replace_links(place->first, place->second, host);
  if (is_empty) {
    hosts_.erase(place);
  } else {
    place->second = std::move(host);
  }
}

void Translator::replace_links(const std::string& name, const Host& from, const Host& to) {
  for (const ObjectName& service : from.services) {
    const auto hosts = hosts_of_service_.find(service);
    hosts->second.erase(&name);
    if (hosts->second.empty()) hosts_of_service_.erase(hosts);
  }
  for (const ObjectName& service : to.services) hosts_of_service_[service].insert(&name);
  // First what is added: a cluster of both is not made again.
  for (const ClusterKey& key : to.clusters)
    if (clusters_[key].num_hosts++ == 0) due_clusters_.insert(key);
  for (const ClusterKey& key : from.clusters)
    if (--clusters_.at(key).num_hosts == 0) due_clusters_.insert(key);
}

void Translator::translate_clusters(ConfigDelta& delta) {
  for (const ClusterKey& key : std::exchange(due_clusters_, {})) {
    const auto found = clusters_.find(key);
    if (found == clusters_.end()) continue;
    ClusterState& state = found->second;
    const std::string name = controller::name_of(key);
    if (state.num_hosts == 0) {
      if (!state.cluster.name.empty()) delta.remove_clusters.push_back(name);
      problems_.erase(ProblemBook::Part::kCluster, name);
      clusters_.erase(found);
      continue;
    }
    ProblemList problems;
    Cluster cluster = backends_.make_cluster(key, problems);
    problems_.set(ProblemBook::Part::kCluster, name, std::move(problems));
    if (cluster == state.cluster) continue;
    delta.upsert_clusters.push_back(cluster);
    state.cluster = std::move(cluster);
  }
  std::ranges::sort(delta.upsert_clusters, {}, &Cluster::name);
  std::ranges::sort(delta.remove_clusters);
}

GatewayConfig Translator::config() const {
  GatewayConfig out{.listeners = options_.listeners};
  for (const auto& [name, host] : hosts_)
    out.routes.insert(out.routes.end(), host.routes.begin(), host.routes.end());
  for (const auto& [key, state] : clusters_)
    if (!state.cluster.name.empty()) out.clusters.push_back(state.cluster);
  out.certificates = tls_.certificates();
  std::ranges::sort(out.routes, {}, &Route::name);
  std::ranges::sort(out.clusters, {}, &Cluster::name);
  return out;
}

}  // namespace ingress::controller
