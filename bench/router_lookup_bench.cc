// What a lookup, a build and one change cost, at 10 to 100,000 routes (1,000,000 with
// INGRESS_BENCH_LARGE=1 in the environment), next to std::unordered_map with the same keys.
//
// Requests come in random order over all routes: no locality, the worst case for caches.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "routing/route_compiler.h"

namespace {

using namespace ingress;
using namespace ingress::routing;
using Routes = std::vector<std::shared_ptr<const Route>>;

void sizes(benchmark::internal::Benchmark* bench) {
  for (const int size : {10, 1'000, 100'000}) bench->Arg(size);
  if (std::getenv("INGRESS_BENCH_LARGE") != nullptr) bench->Arg(1'000'000);
}

std::string host_of(std::size_t i) {
  return "app-" + std::to_string(i) + ".example.com";
}

std::shared_ptr<const Route> make_route(std::string name, std::string host, std::string path,
                                        std::string cluster) {
  Route route{.name = std::move(name), .hosts = {std::move(host)}};
  RouteRule& rule = route.rules.emplace_back();
  rule.matches.push_back({.path = PathMatch::prefix(path)});
  rule.backends.push_back({std::move(cluster), 1, {}});
  return std::make_shared<const Route>(std::move(route));
}

// One route a host; one in a hundred has two rules more, which ask for a header.
Routes routes_by_host(std::size_t size) {
  Routes routes;
  for (std::size_t i = 0; i < size; ++i) {
    auto route = std::make_shared<Route>(
        *make_route("ns/route-" + std::to_string(i), host_of(i), "/app", "ns/svc-" + std::to_string(i)));
    for (const char* value : {"a", "b"}) {
      if (i % 100 != 0) break;
      RouteRule& rule = route->rules.emplace_back(route->rules[0]);
      rule.matches[0].headers.push_back({"x-variant", value});
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

std::shared_ptr<const RouteTable> compile(const Routes& routes) {
  return RouteCompiler(ClusterSlots::create()).apply(routes, {});
}

// Texts of requests, contiguous and in random order.
struct Requests {
  std::vector<std::string> hosts;
  std::vector<std::string> paths;
};

template <class MakeHost, class MakePath>
Requests make_requests(std::size_t size, MakeHost make_host, MakePath make_path) {
  std::vector<std::size_t> order(size);
  for (std::size_t i = 0; i < size; ++i) order[i] = i;
  std::ranges::shuffle(order, std::mt19937_64(1));
  Requests requests;
  for (const std::size_t i : order) {
    requests.hosts.push_back(make_host(i));
    requests.paths.push_back(make_path(i));
  }
  return requests;
}

void run_lookups(benchmark::State& state, const RouteTable& table, const Requests& requests) {
  RequestHead head;
  head.set_method_view("GET");
  head.headers().add_view("user-agent", "bench", HeaderId::kOther);
  head.headers().add_view("accept", "*/*", HeaderId::kOther);
  std::size_t next = 0;
  for (auto _ : state) {
    head.set_authority_view(requests.hosts[next], 0, requests.hosts[next]);
    head.set_target_view(requests.paths[next], {}, false);
    benchmark::DoNotOptimize(table.match(head));
    if (++next == requests.hosts.size()) next = 0;
  }
}

std::size_t num_routes(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void lookup_hosts(benchmark::State& state) {
  const auto table = compile(routes_by_host(num_routes(state)));
  run_lookups(state, *table,
              make_requests(num_routes(state), host_of, [](std::size_t) { return "/app/items/1"; }));
}
BENCHMARK(lookup_hosts)->Apply(sizes);

void lookup_unknown_hosts(benchmark::State& state) {
  const auto table = compile(routes_by_host(num_routes(state)));
  run_lookups(state, *table,
              make_requests(
                  num_routes(state), [](std::size_t i) { return "no-" + host_of(i); },
                  [](std::size_t) { return "/app"; }));
}
BENCHMARK(lookup_unknown_hosts)->Apply(sizes);

std::string path_of(std::size_t i) {
  return "/team-" + std::to_string(i % 100) + "/service-" + std::to_string(i / 100) + "/api";
}

void lookup_paths_of_one_host(benchmark::State& state) {
  Routes routes;
  for (std::size_t i = 0; i < num_routes(state); ++i) {
    routes.push_back(make_route("r" + std::to_string(i), "example.com", path_of(i), "svc"));
  }
  const auto table = compile(routes);
  run_lookups(state, *table,
              make_requests(
                  num_routes(state), [](std::size_t) { return "example.com"; },
                  [](std::size_t i) { return path_of(i) + "/items/1"; }));
}
BENCHMARK(lookup_paths_of_one_host)->Apply(sizes);

void lookup_wildcard_hosts(benchmark::State& state) {
  Routes routes;
  for (std::size_t i = 0; i < num_routes(state); ++i) {
    routes.push_back(make_route("r" + std::to_string(i), "**." + host_of(i), "/app", "svc"));
  }
  const auto table = compile(routes);
  run_lookups(state, *table,
              make_requests(
                  num_routes(state), [](std::size_t i) { return "a.b." + host_of(i); },
                  [](std::size_t) { return "/app/items/1"; }));
}
BENCHMARK(lookup_wildcard_hosts)->Apply(sizes);

// The floor: exact keys of host and path, no prefixes, no precedence, no versions.
void lookup_unordered_map(benchmark::State& state) {
  std::unordered_map<std::string, std::size_t> map;
  for (std::size_t i = 0; i < num_routes(state); ++i) map[host_of(i) + "/app/items/1"] = i;
  const Requests requests = make_requests(
      num_routes(state), [](std::size_t i) { return host_of(i) + "/app/items/1"; },
      [](std::size_t) { return ""; });
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.find(requests.hosts[next]));
    if (++next == requests.hosts.size()) next = 0;
  }
}
BENCHMARK(lookup_unordered_map)->Apply(sizes);

// Building alone; freeing the table is not in the time. Also reports the memory of the table for each
// route, without the routes themselves.
void build(benchmark::State& state) {
  const Routes routes = routes_by_host(num_routes(state));
  std::size_t bytes = 0;
  for (auto _ : state) {
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    auto table = compile(routes);
    state.PauseTiming();
    bytes = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    table.reset();
    state.ResumeTiming();
  }
  state.counters["bytes_per_route"] = static_cast<double>(bytes) / static_cast<double>(routes.size());
}
BENCHMARK(build)->Apply(sizes)->Unit(benchmark::kMillisecond);

void upsert_one_route(benchmark::State& state) {
  RouteCompiler compiler(ClusterSlots::create());
  compiler.apply(routes_by_host(num_routes(state)), {});
  // Every route that is changed is changed to something else each time it comes round again.
  Routes changes;
  for (const char* path : {"/blue", "/green"}) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 4'096; ++i) {
      const std::size_t at = random() % num_routes(state);
      changes.push_back(make_route("ns/route-" + std::to_string(at), host_of(at), path + std::to_string(i),
                                   "ns/svc-" + std::to_string(at)));
    }
  }
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(compiler.apply(std::span(&changes[next], 1), {}));
    if (++next == changes.size()) next = 0;
  }
}
BENCHMARK(upsert_one_route)->Apply(sizes)->Unit(benchmark::kMicrosecond);

}  // namespace
