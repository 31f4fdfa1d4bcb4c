// Differences between configurations by key, and their application: merges of lists sorted by name.
// Names are unique in what validates; of several parts of one name the first counts here.
#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

#include "ingress/config.h"

namespace ingress {
namespace {

template <class Part>
bool is_before(const Part& a, const Part& b) {
  return a.name < b.name;
}

template <class Part>
std::vector<const Part*> sorted_by_name(const std::vector<Part>& parts) {
  std::vector<const Part*> sorted;
  sorted.reserve(parts.size());
  for (const Part& part : parts) sorted.push_back(&part);
  std::ranges::sort(
      sorted, [](const Part* a, const Part* b) { return a->name != b->name ? is_before(*a, *b) : a < b; });
  const auto repeated =
      std::ranges::unique(sorted, {}, [](const Part* part) -> const std::string& { return part->name; });
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

// Known parts are replaced where they stand and new ones merged in, so that a change of one part among
// many costs a search, or one pass at most.
template <class Part>
void apply_parts(std::vector<Part>& parts, const std::vector<Part>& upsert,
                 const std::vector<std::string>& remove) {
  if (!std::ranges::is_sorted(parts, is_before<Part>)) std::ranges::sort(parts, is_before<Part>);
  if (!remove.empty()) {
    const std::unordered_set<std::string_view> names(remove.begin(), remove.end());
    std::erase_if(parts, [&](const Part& part) { return names.contains(part.name); });
  }
  std::vector<Part> added;
  for (const Part& part : upsert) {
    const auto place = std::ranges::lower_bound(parts, part, is_before<Part>);
    if (place != parts.end() && place->name == part.name) {
      *place = part;
    } else {
      added.push_back(part);
    }
  }
  if (added.empty()) return;
  std::ranges::sort(added, is_before<Part>);
  std::vector<Part> merged;
  merged.reserve(parts.size() + added.size());
  std::merge(std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()),
             std::make_move_iterator(added.begin()), std::make_move_iterator(added.end()),
             std::back_inserter(merged), is_before<Part>);
  parts = std::move(merged);
}

}  // namespace

ConfigDelta diff(const GatewayConfig& from, const GatewayConfig& to) {
  ConfigDelta delta;
  diff_parts(from.listeners, to.listeners, delta.upsert_listeners, delta.remove_listeners);
  diff_parts(from.clusters, to.clusters, delta.upsert_clusters, delta.remove_clusters);
  diff_parts(from.routes, to.routes, delta.upsert_routes, delta.remove_routes);
  diff_parts(from.certificates, to.certificates, delta.upsert_certificates, delta.remove_certificates);
  diff_parts(from.tls_policies, to.tls_policies, delta.upsert_tls_policies, delta.remove_tls_policies);
  diff_parts(from.stream_routes, to.stream_routes, delta.upsert_stream_routes, delta.remove_stream_routes);
  diff_parts(from.udp_listeners, to.udp_listeners, delta.upsert_udp_listeners, delta.remove_udp_listeners);
  return delta;
}

void apply(GatewayConfig& config, const ConfigDelta& delta) {
  apply_parts(config.listeners, delta.upsert_listeners, delta.remove_listeners);
  apply_parts(config.clusters, delta.upsert_clusters, delta.remove_clusters);
  apply_parts(config.routes, delta.upsert_routes, delta.remove_routes);
  apply_parts(config.certificates, delta.upsert_certificates, delta.remove_certificates);
  apply_parts(config.tls_policies, delta.upsert_tls_policies, delta.remove_tls_policies);
  apply_parts(config.stream_routes, delta.upsert_stream_routes, delta.remove_stream_routes);
  apply_parts(config.udp_listeners, delta.upsert_udp_listeners, delta.remove_udp_listeners);
}

}  // namespace ingress
