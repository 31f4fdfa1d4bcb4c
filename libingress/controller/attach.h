// Hosts and paths of Ingresses become claims, and each claim gets one owner. Pure.
//
// The oldest Ingress wins a host, path type and path; the others' paths are left out and become problems
// that name the winner. Every host that anything claims has one answer for its unmatched rest, so that its
// requests never fall to wildcard or hostless Ingresses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "controller/ingress_classes.h"
#include "controller/problem_list.h"
#include "ingress/route.h"

namespace ingress::controller {

struct PathClaim {
  PathMatch match;                          // canonical; a prefix without trailing slash
  const IngressBackend* backend = nullptr;  // in the store
  std::string position;                     // "rules[0].paths[1]"
  std::string field;                        // "spec.rules[0].http.paths[1]"
};

// What one Ingress has of one host: the paths that it won.
struct HostClaim {
  const ServedIngress* owner = nullptr;
  std::uint32_t rule_index = 0;  // first rule with this host
  std::vector<PathClaim> paths;
};

struct HostGroup {
  std::vector<HostClaim> claims;  // oldest Ingress first; never empty
  bool has_root = false;          // a path "/" with type Prefix answers whatever is left
  // Index of the claim whose Ingress answers the rest with its defaultBackend; claims.size() = none.
  std::size_t default_claim = 0;
};

// By host pattern; "" = any host. Borrows from `served` and the store.
using HostTable = std::map<std::string, HostGroup>;

// `served` is oldest first.
HostTable attach(const std::vector<ServedIngress>& served, ProblemList& problems);

}  // namespace ingress::controller
