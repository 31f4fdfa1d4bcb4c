// From the TLS policies of a configuration to the tables of its snapshots: parses what is new.
//
// Owner: Publisher. Thread: its. Always true: a change of one policy leaves all others the same objects.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ingress/config.h"
#include "tls/host_policy.h"

namespace ingress::tls {

class PolicyCompiler {
 public:
  // Null when there are no policies.
  const std::shared_ptr<const PolicyTable>& table() const { return table_; }

  // Puts into `delta` what turns the policies held into those of `config`.
  void add_difference(const GatewayConfig& config, ConfigDelta& delta) const;
  // Parses what `delta` changes, null where a problem is an error. Changes nothing yet.
  std::vector<HostPolicyPtr> load(const ConfigDelta& delta, std::vector<Problem>& problems) const;
  // `loaded`: what load() made of `delta`.
  void apply(const ConfigDelta& delta, std::vector<HostPolicyPtr> loaded);

  // Appends all policies.
  void add_to(GatewayConfig& config) const;

 private:
  const HostPolicy* find(std::string_view name) const { return table_ ? table_->find_named(name) : nullptr; }
  std::shared_ptr<const PolicyTable> table_;
};

}  // namespace ingress::tls
