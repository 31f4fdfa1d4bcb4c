#include "ingress/router.h"

#include <algorithm>
#include <utility>

#include "routing/route_compiler.h"

namespace ingress {

struct Router::Impl {
  std::shared_ptr<const routing::RouteTable> table;
};

std::expected<Router, std::vector<Problem>> Router::compile(const GatewayConfig& config) {
  std::vector<Problem> problems = validate(config);
  const bool has_error = std::ranges::find(problems, Severity::kError, &Problem::severity) != problems.end();
  if (has_error) return std::unexpected(std::move(problems));
  std::vector<std::shared_ptr<const Route>> routes;
  routes.reserve(config.routes.size());
  for (const Route& route : config.routes) routes.push_back(std::make_shared<const Route>(route));
  routing::RouteCompiler compiler(routing::ClusterSlots::create());
  return Router(std::make_unique<const Impl>(Impl{compiler.apply(routes, {})}));
}

Router::Router(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;
Router::~Router() = default;

std::optional<RouteResult> Router::match(const RequestHead& head) const& {
  const routing::CompiledRule* rule = impl_->table->match(head);
  if (rule == nullptr) return std::nullopt;
  return RouteResult{rule->route->name, rule->name, rule->value};
}

}  // namespace ingress
