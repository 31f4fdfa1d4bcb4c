#include "proxy/udp_publisher.h"

#include <set>
#include <string_view>
#include <utility>

namespace ingress::proxy {

void UdpPublisher::add_changes(const std::vector<UdpListener>& wanted, ConfigDelta& delta) const {
  std::set<std::string_view> names;
  for (const UdpListener& listener : wanted) {
    names.insert(listener.name);
    const auto held = listeners_.find(listener.name);
    if (held == listeners_.end() || held->second != listener) delta.upsert_udp_listeners.push_back(listener);
  }
  for (const auto& [name, listener] : listeners_) {
    if (!names.contains(name)) delta.remove_udp_listeners.push_back(name);
  }
}

UdpPublisher::Listeners UdpPublisher::after(const ConfigDelta& delta) const {
  Listeners listeners = listeners_;
  for (const std::string& name : delta.remove_udp_listeners) listeners.erase(name);
  for (const UdpListener& listener : delta.upsert_udp_listeners)
    listeners.insert_or_assign(listener.name, listener);
  return listeners;
}

void UdpPublisher::check(const Listeners& listeners, const config::FindCluster& find_cluster,
                         std::vector<Problem>& problems) {
  std::vector<UdpListener> all;
  for (const auto& [name, listener] : listeners) all.push_back(listener);
  config::validate_udp_listeners(all, find_cluster, problems);
}

std::expected<UdpPublisher::Entries, std::vector<Problem>> UdpPublisher::bind(
    const Listeners& listeners) const {
  Entries entries;
  std::vector<Problem> problems;
  for (const auto& [name, listener] : listeners) {
    std::shared_ptr<BoundListener> bound = find_bound(listener);
    if (!bound) {
      auto made =
          bind_ ? bind_(listener) : std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
      if (!made) {
        problems.push_back({.object = {.kind = "UdpListener", .namespace_ = {}, .name = name},
                            .field = "udp_listeners." + name + ".address",
                            .why = made.error().text(),
                            .fix = "free the address, or let the listener have another one"});
        continue;
      }
      bound = std::move(*made);
    }
    UdpListenerEntry& entry = entries.emplace_back(UdpListenerEntry{listener, std::move(bound), {}});
    for (const BackendRef& backend : listener.backends)
      entry.clusters.push_back(backend.cluster.empty() ? nullptr : slots_->lease(backend.cluster));
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return entries;
}

// The address is the identity; without a fixed port the name has to do.
std::shared_ptr<BoundListener> UdpPublisher::find_bound(const UdpListener& listener) const {
  const std::string key = config::udp_listener_key(listener);
  for (const UdpListenerEntry& held : entries_) {
    if (config::udp_listener_key(held.listener) != key) continue;
    const bool is_same =
        !key.empty() || (held.listener.name == listener.name && held.listener.address == listener.address);
    if (is_same) return held.bound;
  }
  return nullptr;
}

bool UdpPublisher::commit(Listeners listeners, const Entries& entries) {
  if (listeners == listeners_) return false;
  listeners_ = std::move(listeners);
  entries_ = entries;
  return true;
}

}  // namespace ingress::proxy
