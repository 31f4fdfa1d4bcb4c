// Differences between configurations by key, and their application: merges of lists sorted by name.
// Names are unique in what validates; of several parts of one name the first counts here.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "ingress/config.h"

namespace ingress {
namespace {

template <class Part>
std::vector<const Part*> sorted_by_name(const std::vector<Part>& parts) {
  std::vector<const Part*> sorted;
  sorted.reserve(parts.size());
  for (const Part& part : parts) sorted.push_back(&part);
  const auto by_name = [](const Part* part) -> const std::string& { return part->name; };
  std::ranges::stable_sort(sorted, {}, by_name);
  const auto repeated = std::ranges::unique(sorted, {}, by_name);
  sorted.erase(repeated.begin(), repeated.end());
  return sorted;
}

template <class Part>
void diff_parts(const std::vector<Part>& from, const std::vector<Part>& to, std::vector<Part>& upsert,
                std::vector<std::string>& remove) {
  const auto old_parts = sorted_by_name(from);
  const auto new_parts = sorted_by_name(to);
  auto old_part = old_parts.begin();
  for (const Part* part : new_parts) {
    for (; old_part != old_parts.end() && (*old_part)->name < part->name; ++old_part) {
      remove.push_back((*old_part)->name);
    }
    const bool is_known = old_part != old_parts.end() && (*old_part)->name == part->name;
    if (!is_known || **old_part != *part) upsert.push_back(*part);
    if (is_known) ++old_part;
  }
  for (; old_part != old_parts.end(); ++old_part) remove.push_back((*old_part)->name);
}

template <class Part>
void apply_parts(std::vector<Part>& parts, const std::vector<Part>& upsert,
                 const std::vector<std::string>& remove) {
  std::unordered_set<std::string_view> outdated(remove.begin(), remove.end());
  for (const Part& part : upsert) outdated.insert(part.name);
  if (!outdated.empty()) {
    std::erase_if(parts, [&](const Part& part) { return outdated.contains(part.name); });
  }
  parts.insert(parts.end(), upsert.begin(), upsert.end());
  const auto by_name = [](const Part& part) -> const std::string& { return part.name; };
  if (!std::ranges::is_sorted(parts, {}, by_name)) std::ranges::stable_sort(parts, {}, by_name);
}

}  // namespace

ConfigDelta diff(const GatewayConfig& from, const GatewayConfig& to) {
  ConfigDelta delta;
  diff_parts(from.listeners, to.listeners, delta.upsert_listeners, delta.remove_listeners);
  diff_parts(from.clusters, to.clusters, delta.upsert_clusters, delta.remove_clusters);
  diff_parts(from.routes, to.routes, delta.upsert_routes, delta.remove_routes);
  return delta;
}

void apply(GatewayConfig& config, const ConfigDelta& delta) {
  apply_parts(config.listeners, delta.upsert_listeners, delta.remove_listeners);
  apply_parts(config.clusters, delta.upsert_clusters, delta.remove_clusters);
  apply_parts(config.routes, delta.upsert_routes, delta.remove_routes);
}

}  // namespace ingress
