#include "tls/policy_compiler.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace ingress::tls {
namespace {

// What has been parsed of authorities and CRLs, by the text of the former: policies of many names often have
// the same.
class HeldTrust {
 public:
  void add(const HostPolicy& policy) {
    const ClientVerifier* clients = policy.clients();
    if (clients == nullptr || !clients->trust()) return;
    auto& list = lists_[clients->settings().authorities];
    if (std::ranges::find(list, clients->trust()) == list.end()) list.push_back(clients->trust());
  }
  std::span<const std::shared_ptr<const ClientTrust>> find(const TlsPolicy& policy) const {
    if (!policy.client_certificates) return {};
    const auto found = lists_.find(policy.client_certificates->authorities);
    if (found == lists_.end()) return {};
    return found->second;
  }

 private:
  std::unordered_map<std::string_view, std::vector<std::shared_ptr<const ClientTrust>>> lists_;
};

}  // namespace

void PolicyCompiler::add_difference(const GatewayConfig& config, ConfigDelta& delta) const {
  std::set<std::string_view> names;
  for (const TlsPolicy& policy : config.tls_policies) {
    names.insert(policy.name);
    const HostPolicy* held = find(policy.name);
    if (held == nullptr || held->value() != policy) delta.upsert_tls_policies.push_back(policy);
  }
  if (!table_) return;
  table_->for_each([&](const HostPolicy& held) {
    if (!names.contains(held.key())) delta.remove_tls_policies.emplace_back(held.key());
  });
}

std::vector<HostPolicyPtr> PolicyCompiler::load(const ConfigDelta& delta,
                                                std::vector<Problem>& problems) const {
  std::vector<HostPolicyPtr> loaded;
  if (delta.upsert_tls_policies.empty()) return loaded;
  const std::set<std::string_view> removed(delta.remove_tls_policies.begin(),
                                           delta.remove_tls_policies.end());
  HeldTrust trust;
  if (table_) table_->for_each([&](const HostPolicy& held) { trust.add(held); });
  for (const TlsPolicy& policy : delta.upsert_tls_policies) {
    const HostPolicy* held = find(policy.name);
    if (held != nullptr && held->value() == policy && !removed.contains(policy.name)) continue;
    auto made = HostPolicy::load(policy, std::chrono::system_clock::now(), trust.find(policy));
    for (Problem& problem : made.problems) {
      problem.object = policy.origin;
      if (problem.object == Origin{}) problem.object = {.kind = "TlsPolicy", .name = policy.name};
      problem.field.insert(0, "tls_policies." + policy.name + ".");
      problems.push_back(std::move(problem));
    }
    if (made.policy) trust.add(*made.policy);
    loaded.push_back(std::move(made.policy));
  }
  return loaded;
}

void PolicyCompiler::apply(const ConfigDelta& delta, std::vector<HostPolicyPtr> loaded) {
  const bool removes = std::ranges::any_of(delta.remove_tls_policies,
                                           [&](const std::string& name) { return find(name) != nullptr; });
  if (loaded.empty() && !removes) return;
  PolicyTable::Builder builder(table_ ? *table_ : PolicyTable());
  for (const std::string& name : delta.remove_tls_policies) builder.remove(name);
  for (HostPolicyPtr& policy : loaded) builder.put(std::move(policy));
  PolicyTable table = builder.take();
  table_ = table.size() == 0 ? nullptr : std::make_shared<const PolicyTable>(std::move(table));
}

void PolicyCompiler::add_to(GatewayConfig& config) const {
  if (!table_) return;
  table_->for_each([&](const HostPolicy& held) { config.tls_policies.push_back(held.value()); });
}

}  // namespace ingress::tls
