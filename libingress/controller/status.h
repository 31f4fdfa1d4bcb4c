// What status.loadBalancer.ingress of Ingresses should say, and where it says something else. Pure.
//
// It is where DNS is pointed to by those who read it (external-dns), so it names only where requests for the
// Ingress are answered: of an Ingress that is not ours any more it is taken away again.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "controller/object_sink.h"
#include "controller/objects.h"
#include "controller/store.h"

namespace ingress::controller {

// Where a Service is reached from outside: what its load balancer has been given, and external IPs; of one of
// another type without external IPs its cluster IPs, of an ExternalName its name.
std::vector<LoadBalancerAddress> addresses_of(const Service& service);

// A status that is to be written.
struct StatusChange {
  ObjectName ingress;
  std::vector<LoadBalancerAddress> before, after;  // `after` empty: what is ours is taken away
  friend bool operator==(const StatusChange&, const StatusChange&) = default;
};

using IsOurs = std::function<bool(const Ingress& ingress, const std::string& source)>;

// All that there is to write now, by name; nothing where nothing would change. `addresses` in any order;
// while there are none, what was written before goes too. `manager`: the name under which we write: what
// others have written of an Ingress that is not ours is left alone. Objects of source "cluster" alone.
std::vector<StatusChange> find_status_changes(const Store& store, const IsOurs& is_ours,
                                              std::span<const LoadBalancerAddress> addresses,
                                              std::string_view manager);

// The JSON of `change` for server-side apply.
std::string write_status(const StatusChange& change);

}  // namespace ingress::controller
