// The Secrets that other objects refer to, and no others: what they hold never comes near us otherwise.
//
// In each namespace that is referred to, metadata of the Secrets is watched and those referred to are got,
// whatever their type. Where listing is forbidden, each is listed and watched by its name, for which a Role
// with resourceNames is enough. What is missing is named with the RoleBinding that would give it.
//
// Owner: ClusterMode. Thread: the loop's. Caller: all that is handed in outlives it; `on_change` does not
// call back into it. Always true: a Secret that was deleted is removed at once; one that cannot be got for a
// while stays as it was; one that nobody refers to any more is removed.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "controller/object_sink.h"
#include "proxyd/kube/kube_clock.h"
#include "proxyd/kube/kube_counters.h"
#include "proxyd/kube/kube_transport.h"

namespace proxyd {

class NamespaceSecrets;

// What each part of the source is made with.
struct SecretContext {
  KubeTransport& transport;
  KubeClock& clock;
  ingress::controller::ObjectSink& sink;
  KindCounters& counters;
  std::function<void()> on_change;  // is_settled(), problems() or trouble() may have changed
};

class SecretSource {
 public:
  using Names = std::set<ingress::controller::ObjectName>;  // namespace, name

  explicit SecretSource(SecretContext context);
  ~SecretSource();
  // What is referred to now.
  void want(const Names& names);
  // Every Secret wanted is known: there, absent or forbidden.
  bool is_settled() const;
  std::vector<ingress::Problem> problems() const;
  // Why the server has not been heard for some tries; empty while all is well.
  std::string trouble() const;

 private:
  SecretContext context_;
  std::map<std::string, std::unique_ptr<NamespaceSecrets>> namespaces_;
};

}  // namespace proxyd
