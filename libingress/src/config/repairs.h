// What the repairs of quarantine() share. Internal to this module.
#pragma once

#include <cstddef>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/checks.h"
#include "config/validate.h"

namespace ingress::config {

// Whether `check`, called with a Reporter, reports an error.
template <class Check>
bool is_faulty(Check&& check) {
  std::vector<Problem> problems;
  Reporter reporter(problems, "", "", nullptr);
  check(reporter);
  return has_errors(problems);
}

inline bool is_faulty_name(const std::string& name) {
  return name.size() > static_cast<std::size_t>(kMaxNameBytes) ||
         is_faulty([&](Reporter& reporter) { check_name(name, {}, reporter); });
}

inline void quarantine_origin(Origin& origin) {
  if (is_faulty([&](Reporter& reporter) { check_origin(origin, {}, reporter); })) origin = {};
}

// A share that cannot be served keeps its weight and answers 500.
void close_backend(BackendRef& backend);
void quarantine_backend(BackendRef& backend, const ClusterExists& cluster_exists);

// Removes the parts that `repair` gives up, and those whose name an earlier one has.
template <class Part, class RepairPart>
void repair_all(std::vector<Part>& parts, RepairPart&& repair) {
  std::unordered_set<std::string> names;
  std::erase_if(parts,
                [&](Part& part) { return repair(part) == Repair::kDrop || !names.insert(part.name).second; });
}

// Whatever is wrong with it, the listener goes on speaking TLS.
void quarantine_tls(ListenerTls& tls);
// Whatever is wrong with one, clients that ask for its server names get no more than they were meant to.
void quarantine_tls_policies(std::vector<TlsPolicy>& policies);

}  // namespace ingress::config
