// What the repairs of quarantine() share. Internal to this module.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "config/checks.h"

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

// Whatever is wrong with it, the listener goes on speaking TLS.
void quarantine_tls(ListenerTls& tls);
// Whatever is wrong with one, clients that ask for its server names get no more than they were meant to.
void quarantine_tls_policies(std::vector<TlsPolicy>& policies);

}  // namespace ingress::config
