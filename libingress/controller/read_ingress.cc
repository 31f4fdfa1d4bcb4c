// Ingress and IngressClass (networking.k8s.io/v1).
#include <utility>

#include "base/text.h"
#include "controller/kind_readers.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

constexpr std::size_t kMaxRules = 10'000;
constexpr std::size_t kMaxPaths = 10'000;  // of all rules together
constexpr std::size_t kMaxTls = 1'000;

std::optional<ServicePortRef> read_port_ref(const Field& field) {
  if (!field.require() || !field.object()) return std::nullopt;
  const Field number_field = field.member("number");
  const Field name_field = field.member("name");
  if (number_field.is_set() == name_field.is_set()) {
    field.report(number_field.is_set() ? "has both a number and a name" : "has neither a number nor a name",
                 "set one of number and name");
    return std::nullopt;
  }
  ServicePortRef ref;
  if (number_field.is_set()) {
    const auto number = number_field.integer(kMinPort, kMaxPort);
    if (!number) return std::nullopt;
    ref.number = *number;
    return ref;
  }
  auto name = name_field.text(kMaxTextBytes);
  if (!name) return std::nullopt;
  if (!base::is_dns_label(*name)) {
    name_field.report(quoted(*name) + " is no port name", "use the name of a port of the Service");
    return std::nullopt;
  }
  ref.name = std::move(*name);
  return ref;
}

// A backend that cannot be read stays as one that names nothing: its path goes on being claimed, so that
// its requests fail instead of falling to a shorter path's Service.
IngressBackend read_backend(const Field& field) {
  if (!field.require() || !field.object()) return {};
  IngressBackend backend;
  backend.has_resource = field.member("resource").is_set();
  const Field service = field.member("service");
  if (backend.has_resource) return backend;
  if (!service.require() || !service.object()) return {};
  const Field name_field = service.member("name");
  if (!name_field.require()) return {};
  auto name = name_field.text(kMaxTextBytes);
  if (!name) return {};
  if (!base::is_dns_label(*name)) {
    name_field.report(quoted(*name) + " is no Service name",
                      "use the name of a Service in the same namespace");
    return {};
  }
  const auto port = read_port_ref(service.member("port"));
  if (!port) return {};
  backend.service = std::move(*name);
  backend.port = *port;
  return backend;
}

std::optional<PathType> read_path_type(const Field& field) {
  if (!field.require()) return std::nullopt;
  const auto text = field.text(kMaxTextBytes);
  if (!text) return std::nullopt;
  if (*text == "Exact") return PathType::kExact;
  if (*text == "Prefix") return PathType::kPrefix;
  if (*text == "ImplementationSpecific") return PathType::kImplementationSpecific;
  field.report(quoted(*text) + " is no path type", "use Exact, Prefix or ImplementationSpecific");
  return std::nullopt;
}

std::optional<IngressPath> read_path(const Field& field) {
  if (!field.require() || !field.object()) return std::nullopt;
  const auto type = read_path_type(field.member("pathType"));
  auto path = field.member("path").text_or_empty(kMaxPathBytes);
  if (!type || !path) return std::nullopt;
  return IngressPath{
      .path = std::move(*path), .type = *type, .backend = read_backend(field.member("backend"))};
}

std::optional<IngressRule> read_rule(const Field& field) {
  if (!field.require() || !field.object()) return std::nullopt;
  IngressRule rule;
  auto host = field.member("host").text_or_empty(kMaxTextBytes);
  if (!host) return std::nullopt;
  rule.host = std::move(*host);
  const Field http = field.member("http");
  if (!http.object()) return std::nullopt;
  const auto paths = http.member("paths").elements(kMaxPaths);
  if (!paths) return std::nullopt;
  for (std::size_t i = 0; i < paths->size(); ++i) {
    auto path = read_path((*paths)[i]);
    if (!path) continue;
    path->index = static_cast<std::uint32_t>(i);
    rule.paths.push_back(std::move(*path));
  }
  return rule;
}

std::string read_tls_host(const Field& field) {
  if (!field.require()) return {};
  auto text = field.text(kMaxTextBytes);
  if (text && text->empty()) field.report("is empty", "name a host, or remove it");
  return std::move(text).value_or("");
}

// What is wrong in it never hurts the rules.
std::vector<IngressTls> read_tls(const Field& field) {
  std::vector<IngressTls> out;
  const auto elements = field.elements(kMaxTls);
  if (!elements) return out;
  for (std::size_t i = 0; i < elements->size(); ++i) {
    const Field& element = (*elements)[i];
    if (!element.require() || !element.object()) continue;
    IngressTls tls{.index = static_cast<std::uint32_t>(i)};
    tls.secret = element.member("secretName").text_or_empty(kMaxTextBytes).value_or("");
    if (const auto hosts = element.member("hosts").elements(kMaxTls)) {
      for (const Field& host : *hosts) tls.hosts.push_back(read_tls_host(host));
    } else {
      tls.hosts.emplace_back();
    }
    out.push_back(std::move(tls));
  }
  return out;
}

bool read_class_name(const Field& field, Ingress& ingress) {
  if (!field.is_set()) return true;
  ingress.class_name = field.text(kMaxTextBytes);
  if (!ingress.class_name) return false;
  if (base::is_dns_name(*ingress.class_name)) return true;
  field.report(quoted(*ingress.class_name) + " is no IngressClass name", "use the name of an IngressClass");
  return false;
}

bool read_rules(const Field& field, Ingress& ingress) {
  const auto rules = field.elements(kMaxRules);
  if (!rules) return false;
  std::size_t num_paths = 0;
  for (std::size_t i = 0; i < rules->size(); ++i) {
    auto rule = read_rule((*rules)[i]);
    if (!rule) {
      ingress.has_refused_rules = true;
      continue;
    }
    num_paths += rule->paths.size();
    rule->index = static_cast<std::uint32_t>(i);
    ingress.rules.push_back(std::move(*rule));
  }
  if (num_paths <= kMaxPaths) return true;
  field.report("has more than " + std::to_string(kMaxPaths) + " paths in all", "split the Ingress");
  return false;
}

}  // namespace

std::optional<Ingress> read_ingress(const Field& root, ObjectMeta meta) {
  Ingress ingress;
  ingress.meta = std::move(meta);
  const Field spec = root.member("spec");
  if (!spec.require() || !spec.object()) return std::nullopt;
  if (!read_class_name(spec.member("ingressClassName"), ingress)) return std::nullopt;
  const Field default_backend = spec.member("defaultBackend");
  if (default_backend.is_set()) ingress.default_backend = read_backend(default_backend);
  if (!read_rules(spec.member("rules"), ingress)) return std::nullopt;
  ingress.tls = read_tls(spec.member("tls"));
  ingress.status = read_load_balancer(root.value());
  ingress.status_managers = read_status_managers(root.value());
  return ingress;
}

std::optional<IngressClass> read_ingress_class(const Field& root, ObjectMeta meta) {
  IngressClass out;
  const Field spec = root.member("spec");
  if (!spec.require() || !spec.object()) return std::nullopt;
  const Field controller = spec.member("controller");
  if (!controller.require()) return std::nullopt;
  auto name = controller.text(kMaxTextBytes);
  if (!name) return std::nullopt;
  out.controller = std::move(*name);
  const auto mark = meta.annotations.find("ingressclass.kubernetes.io/is-default-class");
  out.is_default = mark != meta.annotations.end() && mark->second == "true";
  out.meta = std::move(meta);
  return out;
}

}  // namespace ingress::controller
