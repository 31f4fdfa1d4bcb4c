// What building a table from nothing costs, in time and memory.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <memory>
#include <utility>

#include "routing/route_compiler.h"
#include "workload.h"

namespace ingress::bench {
namespace {

// Freeing the table is not in the time. `table_bytes` is what the compiled table takes for each route,
// `all_bytes` counts the routes of the configuration too, which the table keeps.
void build(benchmark::State& state, Workload (*make)(std::size_t)) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const std::size_t before_routes = heap_bytes();
  Routes routes = make(size).routes;
  const std::size_t route_bytes = heap_bytes() - before_routes;
  std::size_t table_bytes = 0;
  for (auto _ : state) {
    const std::size_t before = heap_bytes();
    auto table = routing::RouteCompiler(routing::ClusterSlots::create()).apply(routes, {});
    state.PauseTiming();
    table_bytes = heap_bytes() - before;
    table.reset();
    state.ResumeTiming();
  }
  const auto per_route = [&](std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(size);
  };
  state.counters["table_bytes"] = per_route(table_bytes);
  state.counters["all_bytes"] = per_route(table_bytes + route_bytes - size * sizeof(routes[0]));
}
BENCHMARK_CAPTURE(build, exact_hosts, exact_hosts)->Apply(sizes)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build, paths_of_one_host, paths_of_one_host)->Apply(sizes)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ingress::bench
