// Hosts and paths of Ingresses become claims, and each claim gets one owner. Pure.
//
// The oldest Ingress wins a host, path type and path; the others' paths are left out and become problems
// that name the winner. Every host that anything claims has one answer for its unmatched rest, so that its
// requests never fall to wildcard or hostless Ingresses.
#pragma once

#include <map>
#include <set>
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
using HostProblems = std::map<std::string, ProblemList>;

// `served` is oldest first, and has all that claim one of `hosts` (null: of all there are). What is wrong
// with the claims of a host is a problem of that host, whichever Ingress it is about.
HostTable attach(const std::vector<ServedIngress>& served, const std::set<std::string>* hosts,
                 HostProblems& problems);

// The hosts that an Ingress claims, sorted, each once; "" = any host.
std::vector<std::string> claimed_hosts(const Ingress& ingress);
// What keeps rules, or all of the Ingress, from claiming any host.
void report_unclaimed(const ServedIngress& served, ProblemList& problems);

}  // namespace ingress::controller
