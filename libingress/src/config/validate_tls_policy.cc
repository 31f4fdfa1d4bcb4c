// What must hold of the TLS policies of server names.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/checks.h"
#include "config/fields_tls_policy.h"
#include "config/syntax.h"
#include "config/tls_policy.h"

namespace ingress::config {
namespace {

// Of policies that have a server name only the first by name counts.
void report_shadowed(const std::vector<TlsPolicy>& policies, std::vector<Problem>& out) {
  std::unordered_map<std::string_view, const TlsPolicy*> first;
  for (const TlsPolicy& policy : policies) {
    for (const std::string& name : policy.server_names) {
      const TlsPolicy*& held = first[name];
      if (held == nullptr || policy.name < held->name) held = &policy;
    }
  }
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const FieldPath field("tls_policies", i);
    for (std::size_t j = 0; j < policies[i].server_names.size(); ++j) {
      const std::string& name = policies[i].server_names[j];
      if (first[name]->name == policies[i].name) continue;
      make_reporter(policies[i], out)
          .warning(field.at("server_names", j),
                   fmt::format("is {}, for which policy {} counts", quoted(name), quoted(first[name]->name)),
                   "leave it to one of them");
    }
  }
}

// A policy can ask for what no version of a listener's has. Once for each listener.
void report_impossible(const GatewayConfig& config, std::vector<Problem>& out) {
  for (const Listener& listener : config.listeners) {
    if (!listener.tls) continue;
    const auto is_impossible = [&](const TlsPolicy& policy) {
      return min_version_of(*listener.tls, policy) > max_version_of(*listener.tls, policy) &&
             min_version_of(settings_of(policy)) <= max_version_of(settings_of(policy));
    };
    const auto found = std::ranges::find_if(config.tls_policies, is_impossible);
    if (found == config.tls_policies.end()) continue;
    const FieldPath field("tls_policies", static_cast<std::size_t>(found - config.tls_policies.begin()));
    make_reporter(*found, out)
        .warning(field.at(found->max_version ? "max_version" : "min_version"),
                 fmt::format("leaves no version that listener {} has: no handshake can succeed there",
                             quoted(listener.name)),
                 "set both min_version and max_version, or the preset");
  }
}

}  // namespace

void check_tls_policy_itself(const TlsPolicy& policy, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(policy, field, reporter);
  check_name(policy.name, field.at("name"), reporter);
  check_origin(policy.origin, field.at("origin"), reporter);
  if (is_within_bounds({}, policy.preset) && is_within_bounds({}, policy.min_version) &&
      is_within_bounds({}, policy.max_version))
    check_tls_policy(settings_of(policy), field, reporter);
  if (policy.client_certificates)
    check_listener_clients(*policy.client_certificates, field.at("client_certificates"), reporter);
}

void validate_tls_policy(const TlsPolicy& policy, const FieldPath& field, std::vector<Problem>& out) {
  Reporter reporter = make_reporter(policy, out);
  check_tls_policy_itself(policy, field, reporter);
  if (policy.server_names.empty())
    reporter.error(field.at("server_names"), "is empty: the policy is nobody's", "list the names it is for");
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < policy.server_names.size(); ++i) {
    const std::string& name = policy.server_names[i];
    check_server_name(name, field.at("server_names", i), reporter);
    if (!names.insert(name).second) {
      reporter.error(field.at("server_names", i), fmt::format("is {} once more", quoted(name)),
                     "list it once");
    }
  }
}

void validate_tls_policies(const GatewayConfig& config, std::vector<Problem>& out) {
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < config.tls_policies.size(); ++i) {
    const TlsPolicy& policy = config.tls_policies[i];
    const FieldPath field("tls_policies", i);
    validate_tls_policy(policy, field, out);
    if (!names.insert(policy.name).second) report_duplicate_name(policy, field, out);
  }
  report_shadowed(config.tls_policies, out);
  report_impossible(config, out);
}

}  // namespace ingress::config
