#include "controller/translate_backends.h"

#include <algorithm>
#include <expected>
#include <tuple>
#include <utility>
#include <vector>

#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr std::uint16_t kFailureStatus = 503;
constexpr std::size_t kMaxEndpoints = 65'536;  // of one cluster, the bound of the configuration

// Gateway API, GEP-1911: HTTP/2 with prior knowledge. Others change nothing.
constexpr std::string_view kH2c = "kubernetes.io/h2c";

// HTTP runs over TCP: a UDP port of the same number or name is another port.
const ServicePort* find_port(const Service& service, const ServicePortRef& ref) {
  for (const ServicePort& port : service.ports) {
    if (port.protocol != "TCP") continue;
    if (ref.number != 0 ? port.port == ref.number : port.name == ref.name) return &port;
  }
  return nullptr;
}

std::string port_text(const ServicePortRef& ref) {
  return ref.number != 0 ? std::to_string(ref.number) : quoted(ref.name);
}

bool is_local_name(std::string_view name) {
  return name == "localhost" || name.ends_with(".localhost");
}

// The port that `slice` gives to the Service port of this name; nothing when it has none.
std::optional<std::uint16_t> slice_port(const EndpointSlice& slice, const ServicePort& wanted) {
  for (const SlicePort& port : slice.ports) {
    if (port.name != wanted.name || port.protocol != "TCP") continue;
    // A slice port without number leaves it to the Service.
    const std::int64_t number = port.port ? *port.port : wanted.target_port;
    if (number > 0 && number <= 65535) return static_cast<std::uint16_t>(number);
  }
  return std::nullopt;
}

// An endpoint, and whether its slice hints whose traffic it is meant for.
struct SliceTarget {
  Endpoint endpoint;
  bool is_hinted = false;
  friend auto operator<=>(const SliceTarget&, const SliceTarget&) = default;
};

// The endpoints of one Service port.
class EndpointCollector {
 public:
  // `slices` null: there are none.
  EndpointCollector(const StoredObject& service, const ServicePort& port, const SliceIndex::Slices* slices,
                    const TranslateOptions& options, ProblemList& problems)
      : service_(std::get<Service>(service.object)),
        source_(service.source),
        port_(port),
        slices_(slices),
        options_(options),
        problems_(problems) {}

  // Zones matter where whoever made the slices wants it (Kubernetes: topology aware routing,
  // trafficDistribution) and has said so for every endpoint; some without a hint mean that the hints are not
  // complete.
  void add_to(Cluster& cluster) {
    std::vector<SliceTarget> targets = choose();
    const bool has_hints = !targets.empty() && std::ranges::all_of(targets, &SliceTarget::is_hinted);
    if (has_hints) cluster.locality.prefer = ZonePreference::kOwnZone;
    for (SliceTarget& target : targets) cluster.endpoints.push_back(std::move(target.endpoint));
  }

 private:
  // Those that serve, in order, each once.
  std::vector<SliceTarget> choose() {
    if (slices_ == nullptr) {
      warn("no EndpointSlice has the label kubernetes.io/service-name: " + service_.meta.name,
           "create one in the same namespace");
      return {};
    }
    std::vector<SliceTarget> ready, draining;
    bool is_joined = false;
    for (const auto& [name, stored] : *slices_) {
      const auto port = slice_port(*stored.slice, port_);
      if (!port) continue;
      is_joined = true;
      collect(stored, *port, ready, draining);
    }
    if (!is_joined) {
      warn("none of its EndpointSlices has a TCP port named " + quoted(port_.name),
           "slice ports are joined by the name of the Service port: give both the same name");
    }
    // While none is ready, those that still serve while they terminate are better than none.
    std::vector<SliceTarget>& chosen = ready.empty() ? draining : ready;
    std::ranges::sort(chosen);
    const auto repeated = std::ranges::unique(chosen, {}, [](const SliceTarget& target) {
      return std::tie(target.endpoint.address, target.endpoint.port);
    });
    chosen.erase(repeated.begin(), repeated.end());
    if (chosen.size() > kMaxEndpoints) {
      warn("has " + std::to_string(chosen.size()) + " endpoints: only the first " +
               std::to_string(kMaxEndpoints) + " are used",
           "spread them over several Services");
      chosen.resize(kMaxEndpoints);
    }
    return std::move(chosen);
  }

  // About the Service.
  void warn(std::string why, std::string fix) {
    problems_.add({.severity = Severity::kWarning,
                   .source = source_,
                   .object = {Service::kKind, service_.meta.namespace_, service_.meta.name},
                   .field = "spec",
                   .why = std::move(why),
                   .fix = std::move(fix)});
  }

  void collect(const SliceIndex::Stored& stored, std::uint16_t port, std::vector<SliceTarget>& ready,
               std::vector<SliceTarget>& draining) {
    const EndpointSlice& slice = *stored.slice;
    const auto report = [&](std::string field, std::string why, std::string fix) {
      problems_.add({.source = *stored.source,
                     .object = {EndpointSlice::kKind, slice.meta.namespace_, slice.meta.name},
                     .field = std::move(field),
                     .why = std::move(why),
                     .fix = std::move(fix)});
    };
    if (slice.address_type == "FQDN") {
      report("addressType", "FQDN endpoints are not supported: the slice is not used", "use IPv4 or IPv6");
      return;
    }
    const bool wants_v6 = slice.address_type == "IPv6";
    for (std::size_t i = 0; i < slice.endpoints.size(); ++i) {
      const SliceEndpoint& endpoint = slice.endpoints[i];
      const bool is_ready = endpoint.ready.value_or(true);
      const bool is_draining = endpoint.serving.value_or(is_ready) && endpoint.terminating.value_or(false);
      if (!is_ready && !is_draining) continue;
      for (std::size_t j = 0; j < endpoint.addresses.size(); ++j) {
        if (endpoint.addresses[j].empty()) continue;  // the reader has said what is wrong
        const std::string field = "endpoints[" + std::to_string(i) + "].addresses[" + std::to_string(j) + ']';
        const auto ip = parse_ip(endpoint.addresses[j]);
        if (!ip || ip->is_v6 != wants_v6) {
          report(field, quoted(endpoint.addresses[j]) + " is no " + slice.address_type + " address",
                 "write one, or correct addressType");
        } else if (ip->scope == IpScope::kUnusable ||
                   (ip->scope == IpScope::kLocal && !options_.allow_local_endpoints)) {
          report(field, quoted(endpoint.addresses[j]) + " is no address that a backend may have",
                 "use the address of a pod or host");
        } else {
          const bool is_hinted = !endpoint.hint_zone.empty();
          (is_ready ? ready : draining)
              .push_back({{.address = ip->text,
                           .port = port,
                           .zone = is_hinted ? endpoint.hint_zone : endpoint.zone},
                          is_hinted});
        }
      }
    }
  }

  const Service& service_;
  const std::string& source_;
  const ServicePort& port_;
  const SliceIndex::Slices* slices_;
  const TranslateOptions& options_;
  ProblemList& problems_;
};

struct Failure {
  std::string why, fix;
};

// Where an ExternalName Service leads to.
std::expected<Endpoint, Failure> external_endpoint(const Service& service, std::int64_t port,
                                                   const TranslateOptions& options) {
  const std::string full_name = service.meta.namespace_ + '/' + service.meta.name;
  if (!options.allow_external_names) {
    return std::unexpected(Failure{"Service " + full_name + " is of type ExternalName, which is not allowed",
                                   "use a Service with endpoints, or run with --allow-external-names"});
  }
  const auto ip = parse_ip(service.external_name);
  const bool is_local = ip ? ip->scope == IpScope::kLocal : is_local_name(service.external_name);
  const bool is_unusable = ip && ip->scope == IpScope::kUnusable;
  if (is_unusable || (is_local && !options.allow_local_endpoints)) {
    return std::unexpected(Failure{
        "Service " + full_name + " names " + quoted(service.external_name) + ", which is no allowed address",
        "name a host outside of this machine"});
  }
  return Endpoint{ip ? ip->text : service.external_name, static_cast<std::uint16_t>(port)};
}

ResolvedBackend fail(const Referrer& referrer, const char* token, const char* field, Failure failure,
                     ProblemList& problems) {
  problems.add({.source = referrer.source,
                .object = referrer.object,
                .field = referrer.field + field,
                .why = std::move(failure.why) + ": requests are answered 503",
                .fix = std::move(failure.fix)});
  return {.ref = {.failure = FixedReply{kFailureStatus, token}}, .cluster = {}};
}

}  // namespace

std::string name_of(const ClusterKey& key) {
  return key.service.first + '/' + key.service.second + ':' + std::to_string(key.port);
}

const StoredObject* Backends::find_service(const ObjectName& name) const {
  return store_.find({Service::kKind, name.first, name.second});
}

ResolvedBackend Backends::resolve(const std::string& namespace_, const IngressBackend& backend,
                                  const Referrer& referrer, ProblemList& problems) const {
  if (backend.has_resource)
    return fail(referrer, "resource_backend", ".resource",
                {"resource backends are not supported", "name a Service"}, problems);
  // The reader has said what is wrong.
  if (!backend.service)
    return {.ref = {.failure = FixedReply{kFailureStatus, "invalid_backend"}}, .cluster = {}};
  ClusterKey key{{namespace_, *backend.service}};
  const std::string full_name = namespace_ + '/' + *backend.service;
  const StoredObject* stored = find_service(key.service);
  if (stored == nullptr)
    return fail(referrer, "no_service", ".service.name",
                {"there is no Service " + full_name, "create the Service, or correct the name"}, problems);
  const Service& service = std::get<Service>(stored->object);
  const bool is_external = service.type == "ExternalName";
  const ServicePort* port = find_port(service, backend.port);
  // An ExternalName Service need not list the ports of the host it names.
  if (port == nullptr && !(is_external && backend.port.number != 0))
    return fail(referrer, "no_service_port", ".service.port",
                {"Service " + full_name + " has no TCP port " + port_text(backend.port),
                 "add the port to the Service, or refer to one that it has"},
                problems);
  key.port = port == nullptr ? backend.port.number : port->port;
  if (is_external) {
    if (auto endpoint = external_endpoint(service, key.port, options_); !endpoint)
      return fail(referrer, "external_name_forbidden", ".service.name", std::move(endpoint.error()),
                  problems);
  }
  return {.ref = {.cluster = name_of(key)}, .cluster = std::move(key)};
}

Cluster Backends::make_cluster(const ClusterKey& key, ProblemList& problems) const {
  Cluster cluster{.name = name_of(key), .origin = {Service::kKind, key.service.first, key.service.second}};
  const StoredObject* stored = find_service(key.service);
  if (stored == nullptr) return cluster;
  const Service& service = std::get<Service>(stored->object);
  const ServicePort* port = find_port(service, {.number = key.port, .name = {}});
  if (service.type == "ExternalName") {
    if (auto endpoint = external_endpoint(service, key.port, options_))
      cluster.endpoints.push_back(std::move(*endpoint));
  } else if (port != nullptr) {
    EndpointCollector(*stored, *port, slices_.find(key.service), options_, problems).add_to(cluster);
  }
  if (port != nullptr && port->app_protocol == kH2c) cluster.protocol = BackendProtocol::kHttp2;
  return cluster;
}

}  // namespace ingress::controller
