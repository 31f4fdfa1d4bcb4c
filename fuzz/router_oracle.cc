// Routes, changes and requests made from the input: the compiled table must agree with the linear router,
// and be the one that a fresh build gives.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../tests/routing/random_routes.h"
#include "routing/linear_router.h"
#include "routing/route_compiler.h"

using namespace ingress;
using namespace ingress::routing;

namespace {

using Routes = std::vector<std::shared_ptr<const Route>>;

void check_request(const RouteTable& table, const LinearRouter& linear, const RequestHead& head) {
  const CompiledRule* found = table.match(head);
  const RouteCandidate* wanted = nullptr;
  const std::vector<RouteCandidate> candidates = linear.explain(head);
  for (const RouteCandidate& candidate : candidates) {
    if (candidate.verdict == Verdict::kWins) wanted = &candidate;
  }
  const bool agree = wanted == nullptr ? found == nullptr
                                       : found != nullptr && found->route->name == wanted->route->name &&
                                             found->index == wanted->rule_index;
  if (!agree) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  test::ByteChoices choose({data, size});
  RouteCompiler compiler(ClusterSlots::create());
  std::map<std::string, std::shared_ptr<const Route>> routes;
  for (int change = 0; change < 16 && !choose.is_used_up(); ++change) {
    Routes upserts;
    std::vector<std::string> removals;
    for (std::uint32_t i = choose(3); i > 0; --i) removals.push_back("r" + std::to_string(choose(8)));
    for (std::uint32_t i = choose(4); i > 0; --i) {
      upserts.push_back(test::random_route(choose, "r" + std::to_string(choose(8))));
    }
    for (const std::string& name : removals) routes.erase(name);
    for (const auto& route : upserts) routes[route->name] = route;
    const auto table = compiler.apply(upserts, removals);
    Routes all;
    for (const auto& [name, route] : routes) all.push_back(route);
    if (table->dump() != RouteCompiler(ClusterSlots::create()).apply(all, {})->dump()) std::abort();
    const LinearRouter linear(std::move(all));
    for (std::uint32_t i = choose(4) + 1; i > 0; --i) {
      const test::Request request = test::random_request(choose);
      check_request(*table, linear, request.head());
    }
  }
  return 0;
}
