#include "controller/translate_ingress.h"

#include <optional>
#include <utility>

namespace ingress::controller {
namespace {

constexpr std::size_t kMaxRouteNameBytes = 512;  // the bound of the configuration
constexpr const char* kDefaultRouteName = "default-backend";

std::string route_name(const Ingress& ingress, const std::string& host, const HostClaim& claim) {
  std::string name = ingress.meta.namespace_ + '/' + ingress.meta.name;
  if (host.empty()) return name;
  std::string full = name + '/' + host;
  if (full.size() <= kMaxRouteNameBytes) return full;
  // No host contains '[': still unique.
  return name + "/rules[" + std::to_string(claim.rule_index) + ']';
}

}  // namespace

std::vector<Route> RouteMaker::make(const std::string& host, const HostGroup& group) const {
  std::vector<Route> routes;
  const bool has_default = group.default_claim < group.claims.size();
  const std::size_t rest_claim = has_default ? group.default_claim : 0;
  for (std::size_t i = 0; i < group.claims.size(); ++i) {
    const HostClaim& claim = group.claims[i];
    const Ingress& ingress = *claim.owner->ingress;
    Route route{.name = route_name(ingress, host, claim),
                .created_at = ingress.meta.created_at,
                .origin = {Ingress::kKind, ingress.meta.namespace_, ingress.meta.name}};
    if (!host.empty()) route.hosts.push_back(host);
    for (const PathClaim& path : claim.paths) {
      route.rules.push_back({.name = path.position,
                             .matches = {{.path = path.match}},
                             .backends = {resolve(*claim.owner, *path.backend, path.field + ".backend")}});
    }
    if (i == rest_claim && !group.has_root) {
      route.rules.push_back(has_default ? default_rule(*claim.owner) : unmatched_rule());
    }
    const PlainRequests plain_requests = redirects_.plain_requests(host, ingress);
    const std::optional<Hsts> hsts = redirects_.hsts(host, ingress);
    for (RouteRule& rule : route.rules) rule.plain_requests = plain_requests, rule.hsts = hsts;
    if (!route.rules.empty()) routes.push_back(std::move(route));
  }
  return routes;
}

std::vector<Route> RouteMaker::make_unclaimed() const {
  std::vector<Route> routes;
  if (options_.default_backend) routes.push_back({.name = kDefaultRouteName, .rules = {unmatched_rule()}});
  return routes;
}

BackendRef RouteMaker::resolve(const ServedIngress& owner, const IngressBackend& backend,
                               std::string field) const {
  const ObjectMeta& meta = owner.ingress->meta;
  return resolve_(meta.namespace_, backend,
                  {*owner.source, {Ingress::kKind, meta.namespace_, meta.name}, std::move(field)});
}

RouteRule RouteMaker::default_rule(const ServedIngress& owner) const {
  return {.name = "defaultBackend",
          .matches = {{.path = PathMatch::prefix("/")}},
          .backends = {resolve(owner, *owner.ingress->default_backend, "spec.defaultBackend")}};
}

// --default-backend, else 404.
RouteRule RouteMaker::unmatched_rule() const {
  RouteRule rule{.name = "unmatched", .matches = {{.path = PathMatch::prefix("/")}}};
  if (!options_.default_backend) {
    rule.reply = FixedReply{404, "no_route"};
    return rule;
  }
  const DefaultBackend& target = *options_.default_backend;
  const IngressBackend backend{.service = target.service, .port = target.port};
  rule.backends.push_back(resolve_(target.namespace_, backend, {"", {}, "--default-backend"}));
  return rule;
}

}  // namespace ingress::controller
