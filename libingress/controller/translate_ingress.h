// Claims become routes. Pure.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "controller/attach.h"
#include "controller/redirects.h"
#include "controller/translate.h"
#include "controller/translate_backends.h"
#include "ingress/route.h"

namespace ingress::controller {

// One route per Ingress and host, "namespace/name" for any host and "namespace/name/host" else. The rest of
// each host (and of all hosts, with --default-backend) is a rule for "/" at the end of one of its routes: the
// IR goes on to less specific hosts only when nothing of a host matches, so this rule is what keeps a host's
// requests from wildcard and hostless Ingresses.
class RouteMaker {
 public:
  using Resolve = std::function<BackendRef(const std::string& namespace_, const IngressBackend& backend,
                                           const Referrer& referrer)>;
  // Borrows both. `resolve` is called for each backend of each route.
  RouteMaker(const TranslateOptions& options, const Redirects& redirects, Resolve resolve)
      : options_(options), redirects_(redirects), resolve_(std::move(resolve)) {}

  // Of one host, in the order of its claims.
  std::vector<Route> make(const std::string& host, const HostGroup& group) const;
  // For requests of hosts that nothing claims, when no Ingress is for any host; empty without a default
  // backend.
  std::vector<Route> make_unclaimed() const;

 private:
  BackendRef resolve(const ServedIngress& owner, const IngressBackend& backend, std::string field) const;
  RouteRule default_rule(const ServedIngress& owner) const;
  RouteRule unmatched_rule() const;

  const TranslateOptions& options_;
  const Redirects& redirects_;
  Resolve resolve_;
};

}  // namespace ingress::controller
