// Service (v1) and EndpointSlice (discovery.k8s.io/v1).
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "controller/kind_readers.h"
#include "controller/syntax.h"

namespace ingress::controller {
namespace {

// The bounds of the Kubernetes API.
constexpr std::size_t kMaxServicePorts = 1'000;
constexpr std::size_t kMaxSlicePorts = 20'000;
constexpr std::size_t kMaxEndpoints = 1'000;
constexpr std::size_t kMaxAddresses = 100;
constexpr std::size_t kMaxZones = 8;
constexpr const char* kServiceNameLabel = "kubernetes.io/service-name";

std::optional<std::string> read_port_name(const Field& field) {
  auto name = field.text_or_empty(kMaxTextBytes);
  if (!name || name->empty() || base::is_dns_label(*name)) return name;
  field.report(quoted(*name) + " is no port name", "use lower case letters, digits and '-', 63 at most");
  return std::nullopt;
}

std::optional<std::string> read_protocol(const Field& field) {
  if (!field.is_set()) return "TCP";
  auto protocol = field.text(kMaxTextBytes);
  if (!protocol || *protocol == "TCP" || *protocol == "UDP" || *protocol == "SCTP") return protocol;
  field.report(quoted(*protocol) + " is no protocol of ports", "use TCP");
  return std::nullopt;
}

std::optional<ServicePort> read_service_port(const Field& field) {
  if (!field.require() || !field.object()) return std::nullopt;
  ServicePort out;
  auto name = read_port_name(field.member("name"));
  auto protocol = read_protocol(field.member("protocol"));
  const Field port_field = field.member("port");
  if (!port_field.require()) return std::nullopt;
  const auto port = port_field.integer(kMinPort, kMaxPort);
  if (!name || !protocol || !port) return std::nullopt;
  out.app_protocol = field.member("appProtocol").text_or_empty(kMaxTextBytes).value_or("");
  const Field target = field.member("targetPort");
  out.target_port = *port;
  if (target.is_set() && target.value()->as_string() != nullptr) {
    auto target_name = read_port_name(target);
    if (!target_name) return std::nullopt;
    out.target_port = 0;
    out.target_port_name = std::move(*target_name);
  } else if (target.is_set()) {
    const auto number = target.integer(kMinPort, kMaxPort);
    if (!number) return std::nullopt;
    out.target_port = *number;
  }
  out.name = std::move(*name);
  out.protocol = std::move(*protocol);
  out.port = *port;
  return out;
}

// A label value; empty when unset or wrong.
std::string read_zone(const Field& field) {
  auto zone = field.text(kMaxTextBytes);
  if (!zone) return {};
  const bool is_good = zone->size() <= 63 && std::ranges::all_of(*zone, base::is_token_char);
  if (is_good) return std::move(*zone);
  field.report(quoted(*zone) + " is no name of a zone",
               "use the value of the label topology.kubernetes.io/zone");
  return {};
}

// A malformed endpoint stays as one without addresses, a malformed address as "": later problems count
// positions.
SliceEndpoint read_endpoint(const Field& field) {
  if (!field.require() || !field.object()) return {};
  SliceEndpoint out;
  const auto addresses = field.member("addresses").elements(kMaxAddresses);
  const Field conditions = field.member("conditions");
  if (!addresses || !conditions.object()) return {};
  for (const Field& address : *addresses) {
    out.addresses.push_back(address.require() ? address.text(kMaxTextBytes).value_or("") : "");
    if (const auto* text = address.value()->as_string(); text != nullptr && text->empty())
      address.report("is empty", "write an IP address");
  }
  const auto read = [&](std::string_view name, std::optional<bool>& flag) {
    const Field condition = conditions.member(name);
    flag = condition.boolean();
    return flag.has_value() || !condition.is_set();
  };
  // A condition that cannot be read may not count as ready.
  if (!read("ready", out.ready) || !read("serving", out.serving) || !read("terminating", out.terminating))
    return {};
  // Zones only say which of the ready ones come first: an endpoint without is as good.
  out.zone = read_zone(field.member("zone"));
  const Field hints = field.member("hints");
  if (!hints.object()) return out;
  const auto zones = hints.member("forZones").elements(kMaxZones);
  if (zones && !zones->empty() && zones->front().object())
    out.hint_zone = read_zone(zones->front().member("name"));
  return out;
}

std::optional<SlicePort> read_slice_port(const Field& field) {
  if (!field.require() || !field.object()) return std::nullopt;
  auto name = read_port_name(field.member("name"));
  auto protocol = read_protocol(field.member("protocol"));
  const Field port_field = field.member("port");
  const auto port = port_field.integer(kMinPort, kMaxPort);
  if (!name || !protocol || (port_field.is_set() && !port)) return std::nullopt;
  return SlicePort{.name = std::move(*name), .port = port, .protocol = std::move(*protocol)};
}

// Reads each element of `field` into `out`; wrong ones are left out. False when it is no list.
template <typename T, typename Read>
bool read_list(const Field& field, std::size_t max_elements, std::vector<T>& out, Read read) {
  const auto elements = field.elements(max_elements);
  if (!elements) return false;
  for (const Field& element : *elements)
    if (auto value = read(element)) out.push_back(std::move(*value));
  return true;
}

bool read_endpoints(const Field& field, std::vector<SliceEndpoint>& out) {
  const auto elements = field.elements(kMaxEndpoints);
  if (!elements) return false;
  for (const Field& element : *elements) out.push_back(read_endpoint(element));
  return true;
}

}  // namespace

std::optional<Service> read_service(const Field& root, ObjectMeta meta) {
  Service out;
  out.meta = std::move(meta);
  const Field spec = root.member("spec");
  if (!spec.require() || !spec.object()) return std::nullopt;
  const Field type = spec.member("type");
  if (type.is_set()) {
    auto text = type.text(kMaxTextBytes);
    if (!text) return std::nullopt;
    if (*text != "ClusterIP" && *text != "NodePort" && *text != "LoadBalancer" && *text != "ExternalName") {
      type.report(quoted(*text) + " is no type of Service",
                  "use ClusterIP, NodePort, LoadBalancer or ExternalName");
      return std::nullopt;
    }
    out.type = std::move(*text);
  }
  if (out.type == "ExternalName") {
    const Field external_name = spec.member("externalName");
    if (!external_name.require()) return std::nullopt;
    auto text = external_name.text(kMaxTextBytes);
    if (!text) return std::nullopt;
    if (text->ends_with('.')) text->pop_back();
    if (!parse_ip(*text) && (text->empty() || text->starts_with('*') || !check_host(*text))) {
      external_name.report(quoted(*text) + " is no host name", "use a lower case DNS name without a port");
      return std::nullopt;
    }
    out.external_name = std::move(*text);
  }
  if (!read_list(spec.member("ports"), kMaxServicePorts, out.ports, read_service_port)) return std::nullopt;
  out.cluster_ips = read_ip_addresses(root.value(), "clusterIPs");
  out.external_ips = read_ip_addresses(root.value(), "externalIPs");
  out.status = read_load_balancer(root.value());
  return out;
}

std::optional<EndpointSlice> read_endpoint_slice(const Field& root, ObjectMeta meta) {
  EndpointSlice out;
  const Field type = root.member("addressType");
  if (!type.require()) return std::nullopt;
  auto text = type.text(kMaxTextBytes);
  if (!text) return std::nullopt;
  if (*text != "IPv4" && *text != "IPv6" && *text != "FQDN") {
    type.report(quoted(*text) + " is no address type", "use IPv4 or IPv6");
    return std::nullopt;
  }
  out.address_type = std::move(*text);
  if (const auto label = meta.labels.find(kServiceNameLabel); label != meta.labels.end())
    out.service = label->second;
  out.meta = std::move(meta);
  if (!read_endpoints(root.member("endpoints"), out.endpoints)) return std::nullopt;
  if (!read_list(root.member("ports"), kMaxSlicePorts, out.ports, read_slice_port)) return std::nullopt;
  return out;
}

}  // namespace ingress::controller
