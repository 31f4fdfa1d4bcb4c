// The numbers of clusters: what compiled rules and the cluster table agree on.
//
// A compiled rule leases the slot of each cluster that it names, whether the cluster exists or not, so
// that a cluster which comes or goes never makes a route compile again. Whoever else leases a name from
// the same registry gets the same index. Contracts are those of base::SlotRegistry.
#pragma once

#include <memory>

#include "base/slot_registry.h"

namespace ingress::routing {

using ClusterSlots = base::SlotRegistry;
using ClusterSlot = base::Slot;
using ClusterLease = base::SlotLease;

}  // namespace ingress::routing
