// All routes of one configuration, ready to be asked: host, then path, then ordered rules.
//
// Owner: a Snapshot or a Router, through shared_ptr. Thread: match() from any number at once, without
// locks, atomics or allocation. Lifetime: a rule that was returned lives as long as the table.
// Always true: equal routes give equal dumps, whatever changes led there; what two versions of a table
// have in common is one object in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/persistent_map.h"
#include "ingress/message.h"
#include "routing/compiled_route.h"
#include "routing/host_table.h"

namespace ingress::routing {

class RouteTable {
 public:
  RouteTable() = default;

  // The rule that wins for `head`; null when none matches.
  const CompiledRule* match(const RequestHead& head) const { return hosts_.match(head); }
  // Null when there is no route of that name.
  const CompiledRoute* find(std::string_view route_name) const;
  std::size_t num_routes() const;
  // The addresses of all nodes of the maps and trees: what two versions share is what both name.
  void collect_nodes(std::vector<const void*>& out) const;
  // Canonical text of the routes and of the structure they were compiled into.
  std::string dump() const;

 private:
  friend class RouteCompiler;
  using Routes = base::PersistentMap<CompiledRoute>;
  RouteTable(Routes routes, HostTable hosts) : routes_(std::move(routes)), hosts_(std::move(hosts)) {}

  Routes routes_;  // by name; owns the rules that `hosts_` points at
  HostTable hosts_;
};

}  // namespace ingress::routing
