#include "routing/route_compiler.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/table_hash.h"
#include "routing/precedence.h"

namespace ingress::routing {
namespace {

enum class Change : std::uint8_t { kRemove, kAdd };

// One match under one host pattern that comes or goes. Views and pointers into routes that are held.
struct Edit {
  std::uint64_t host_hash;
  HostPattern host;
  std::string_view key;
  PathMatchType type;
  Change change;
  MatchEntry entry;

  auto place() const { return std::tie(host_hash, host, key, type); }
};

void add_edits(const CompiledRoute& route, Change change, std::vector<Edit>& edits) {
  static const std::vector<std::string> kAnyHost(1);
  const std::vector<std::string>& hosts = route.route().hosts;
  for (const std::string& text : hosts.empty() ? kAnyHost : hosts) {
    const HostPattern host = to_host_pattern(text);
    const std::uint64_t hash = base::TableHash{}(host.name);
    for (const CompiledRule& rule : route.rules()) {
      const std::vector<RouteMatch>& matches = matches_of(*rule.value);
      for (std::size_t i = 0; i < matches.size(); ++i) {
        const PathMatch& path = matches[i].path;
        // The regular expressions of a host are one list.
        const bool is_pattern = path.type == PathMatchType::kRegularExpression;
        edits.push_back({hash, host, is_pattern ? std::string_view() : path_key(path), path.type, change,
                         MatchEntry::of(rule, i)});
      }
    }
  }
}

// Makes `edits` to `hosts`. Sorted, so that each host and each list of matches is rewritten once; by hash
// first, because that is the order of the maps in memory and compares in one instruction.
HostTable apply_edits(const HostTable& hosts, std::vector<Edit> edits) {
  std::ranges::sort(edits, {}, &Edit::place);
  HostTable::Builder builder(hosts);
  std::vector<MatchEntry> removed;
  std::vector<MatchEntry> added;
  for (auto edit = edits.begin(); edit != edits.end();) {
    const HostPattern host = edit->host;
    PathTree paths = builder.find(host);
    while (edit != edits.end() && edit->host == host) {
      const Edit& first = *edit;
      removed.clear();
      added.clear();
      for (; edit != edits.end() && edit->place() == first.place(); ++edit) {
        (edit->change == Change::kAdd ? added : removed).push_back(edit->entry);
      }
      if (first.type == PathMatchType::kRegularExpression) {
        builder.put_patterns(host, builder.find_patterns(host).edited(removed, added));
      } else {
        paths.edit(first.key, first.type, removed, added);
      }
    }
    builder.put(host, std::move(paths));
  }
  return builder.take();
}

}  // namespace

RouteCompiler::RouteCompiler(std::shared_ptr<ClusterSlots> slots)
    : slots_(std::move(slots)), table_(std::make_shared<const RouteTable>()) {}

std::shared_ptr<const RouteTable> RouteCompiler::apply(std::span<const std::shared_ptr<const Route>> upserts,
                                                       std::span<const std::string> removals) {
  std::unordered_map<std::string_view, std::size_t> last;
  last.reserve(upserts.size());
  for (std::size_t i = 0; i < upserts.size(); ++i) last[upserts[i]->name] = i;

  RouteTable::Routes::Builder routes(table_->routes_);
  std::vector<Edit> edits;
  bool has_changed = false;
  for (const std::string& name : removals) {
    // A second removal of one name finds nothing; a name that is added as well is replaced below.
    const CompiledRoute* old = last.contains(name) ? nullptr : routes.find(name);
    if (old == nullptr) continue;
    add_edits(*old, Change::kRemove, edits);
    routes.erase(name);
    has_changed = true;
  }
  for (std::size_t i = 0; i < upserts.size(); ++i) {
    const std::shared_ptr<const Route>& route = upserts[i];
    if (last.find(route->name)->second != i) continue;
    const CompiledRoute* old = table_->routes_.find(route->name);
    if (old != nullptr && old->route() == *route) continue;
    base::CountedPtr<const CompiledRoute> compiled(new CompiledRoute(route, *slots_));
    if (old != nullptr) add_edits(*old, Change::kRemove, edits);
    add_edits(*compiled, Change::kAdd, edits);
    routes.put(std::move(compiled));
    has_changed = true;
  }
  if (has_changed) {
    // table_ still holds the routes that went, into which the edits point.
    table_ = std::shared_ptr<const RouteTable>(
        new RouteTable(routes.take(), apply_edits(table_->hosts_, std::move(edits))));
  }
  return table_;
}

}  // namespace ingress::routing
