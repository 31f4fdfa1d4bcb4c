// Makes each next RouteTable out of the last one and a change.
//
// Owner: the control side (a Server, a Router while it compiles). Thread: one at a time. Caller: gives
// routes that validate; others compile too, but match what their texts happen to say.
// Cost of apply(): proportional to the matches of the changed routes (times the depth of the tables),
// not to the number of routes.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "ingress/route.h"
#include "routing/cluster_slots.h"
#include "routing/route_table.h"

namespace ingress::routing {

class RouteCompiler {
 public:
  // Starts with an empty table.
  explicit RouteCompiler(std::shared_ptr<ClusterSlots> slots);

  // Removes, then adds or replaces by name (the last of two with one name counts), and returns the table
  // now current. The same pointer as before when the routes are equal to what they were.
  std::shared_ptr<const RouteTable> apply(std::span<const std::shared_ptr<const Route>> upserts,
                                          std::span<const std::string> removals);
  const std::shared_ptr<const RouteTable>& table() const { return table_; }

 private:
  std::shared_ptr<ClusterSlots> slots_;
  std::shared_ptr<const RouteTable> table_;
};

}  // namespace ingress::routing
