// What the tests of translated TLS share: Ingresses with Secrets, and what clients of the result see.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controller/build.h"
#include "controller/translate.h"

namespace ingress::controller::test {

using Names = std::vector<std::string>;

// Chains that begin with "bad" are wrong, those that begin with "old" are warned of; "for NAME" covers that
// server name only.
inline std::vector<Problem> check(const Certificate& certificate) {
  if (certificate.chain.starts_with("for ")) {
    std::vector<Problem> out;
    for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
      if (certificate.server_names[i] == certificate.chain.substr(4)) continue;
      out.push_back({.severity = Severity::kWarning,
                     .field = "server_names[" + std::to_string(i) + ']',
                     .why = "does not cover " + certificate.server_names[i],
                     .fix = "renew it"});
    }
    return out;
  }
  if (certificate.chain.starts_with("bad")) return {{.field = "key", .why = "wrong key", .fix = "mend it"}};
  if (certificate.chain.starts_with("old"))
    return {{.severity = Severity::kWarning, .field = "chain", .why = "ends soon", .fix = "renew it"}};
  return {};
}

inline TranslateOptions tls_options() {
  return {.serves_tls = true, .check_certificate = check};
}

// An Ingress with one path of one host, and TLS for it from `secret`.
inline Ingress web(const std::string& name, const std::string& host, const std::string& secret,
                   std::optional<std::int64_t> created_at = {}) {
  return with_tls(make_ingress(name, {{host, {{"/", "a:80"}}}}, created_at), {host}, secret);
}

inline std::vector<Object> with_services(std::vector<Object> objects) {
  for (const char* name : {"a", "one/a", "two/a"}) {
    objects.emplace_back(make_service(name));
    objects.emplace_back(make_slice(name, name, {"10.0.0.1"}));
  }
  return objects;
}

inline Translation translate_all(std::vector<Object> objects,
                                 const TranslateOptions& options = tls_options()) {
  Translation out = translate(make_store(with_services(std::move(objects))), options);
  // Warnings too would say that a part is no use.
  CHECK(validate(out.config).empty());
  return out;
}

// "name: server names" of each certificate.
inline std::vector<std::string> shown(const Translation& result) {
  std::vector<std::string> out;
  for (const Certificate& certificate : result.config.certificates) {
    std::string line = certificate.name + ':';
    for (const std::string& name : certificate.server_names) line += ' ' + name;
    out.push_back(std::move(line));
  }
  return out;
}

inline bool redirects(const Translation& result, const std::string& route) {
  for (const Route& candidate : result.config.routes) {
    if (candidate.name != route) continue;
    REQUIRE_FALSE(candidate.rules.empty());
    const PlainRequests first = candidate.rules.front().plain_requests;
    for (const RouteRule& rule : candidate.rules) CHECK(rule.plain_requests == first);
    return first == PlainRequests::kRedirect;
  }
  FAIL("no route " << route);
  return false;
}

}  // namespace ingress::controller::test
