#include "controller/status.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"
#include "controller/reconciler.h"

namespace ingress::controller {

std::vector<LoadBalancerAddress> addresses_of(const Service& service) {
  std::vector<LoadBalancerAddress> out;
  if (service.type == "ExternalName") {
    const bool is_ip = base::is_ip_address(service.external_name);
    if (is_ip) out.push_back({.ip = service.external_name, .hostname = {}});
    if (!is_ip && !service.external_name.empty())
      out.push_back({.ip = {}, .hostname = service.external_name});
    return out;
  }
  for (const std::string& ip : service.external_ips) out.push_back({.ip = ip, .hostname = {}});
  if (service.type == "LoadBalancer") {
    for (const LoadBalancerAddress& address : service.status)
      if (!address.ip.empty() || !address.hostname.empty()) out.push_back(address);
    return out;
  }
  if (!out.empty()) return out;
  for (const std::string& ip : service.cluster_ips) out.push_back({.ip = ip, .hostname = {}});
  return out;
}

std::vector<StatusChange> find_status_changes(const Store& store, const IsOurs& is_ours,
                                              std::span<const LoadBalancerAddress> addresses,
                                              std::string_view manager) {
  std::vector<LoadBalancerAddress> wanted(addresses.begin(), addresses.end());
  std::ranges::sort(wanted);
  const auto repeated = std::ranges::unique(wanted);
  wanted.erase(repeated.begin(), repeated.end());
  std::vector<StatusChange> changes;
  store.for_each<Ingress>([&](const Ingress& ingress, const std::string& source) {
    if (source != Reconciler::kCluster) return;
    const bool is_written_by_us =
        std::ranges::find(ingress.status_managers, manager) != ingress.status_managers.end();
    const bool wants_addresses = !wanted.empty() && is_ours(ingress, source);
    if (wants_addresses ? ingress.status == wanted : ingress.status.empty() || !is_written_by_us) return;
    changes.push_back({.ingress = {ingress.meta.namespace_, ingress.meta.name},
                       .before = ingress.status,
                       .after = wants_addresses ? wanted : std::vector<LoadBalancerAddress>()});
  });
  return changes;
}

std::string write_status(const StatusChange& change) {
  std::string text;
  base::JsonWriter out(text);
  out.begin_object();
  out.key("apiVersion").string("networking.k8s.io/v1").key("kind").string("Ingress");
  out.key("metadata").begin_object();
  out.key("namespace").string(change.ingress.first).key("name").string(change.ingress.second);
  out.end_object();
  // What we have applied before and do not name now is removed, if nobody else has applied it too.
  if (!change.after.empty()) {
    out.key("status").begin_object().key("loadBalancer").begin_object().key("ingress").begin_array();
    for (const LoadBalancerAddress& address : change.after) {
      out.begin_object();
      if (!address.ip.empty()) out.key("ip").string(address.ip);
      if (!address.hostname.empty()) out.key("hostname").string(address.hostname);
      out.end_object();
    }
    out.end_array().end_object().end_object();
  }
  out.end_object();
  return text;
}

}  // namespace ingress::controller
