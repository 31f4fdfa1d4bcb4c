// What a lookup costs, by the shape of the routes, next to tables of exact keys that do much less.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "flat_table.h"
#include "routing/route_compiler.h"
#include "workload.h"

namespace ingress::bench {
namespace {

using MakeWorkload = Workload (*)(std::size_t);

std::size_t num_routes(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

// A benchmark function runs several times until it has run long enough; what it needs is made once, and
// one at a time, because a million routes are some gigabytes.
struct Prepared {
  MakeWorkload made_by = nullptr;
  std::size_t size = 0;
  Requests requests;
  std::shared_ptr<const routing::RouteTable> table;
};

const Prepared& prepare(MakeWorkload make, std::size_t size) {
  static Prepared prepared;
  if (prepared.made_by != make || prepared.size != size) {
    prepared = {};
    Workload work = make(size);
    auto table = routing::RouteCompiler(routing::ClusterSlots::create()).apply(work.routes, {});
    prepared = {make, size, std::move(work.requests), std::move(table)};
  }
  return prepared;
}

void look_up(benchmark::State& state, MakeWorkload make) {
  const Prepared& prepared = prepare(make, num_routes(state));
  const Requests& requests = prepared.requests;
  RequestHead head = make_head();
  std::size_t next = 0;
  for (auto _ : state) {
    head.set_authority_view(requests.hosts[next], 0, requests.hosts[next]);
    head.set_target_view(requests.paths[next], {}, false);
    benchmark::DoNotOptimize(prepared.table->match(head));
    if (++next == requests.hosts.size()) next = 0;
  }
}
BENCHMARK_CAPTURE(look_up, exact_hosts, exact_hosts)->Apply(sizes);
BENCHMARK_CAPTURE(look_up, unknown_hosts, unknown_hosts)->Apply(sizes);
BENCHMARK_CAPTURE(look_up, wildcard_hosts, wildcard_hosts)->Apply(sizes);
BENCHMARK_CAPTURE(look_up, paths_of_one_host, paths_of_one_host)->Apply(sizes);

// Host and path joined, of the requests of exact_hosts(), in their order.
std::vector<std::string> joined_keys(std::size_t size) {
  const Requests requests = exact_hosts(size).requests;
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < size; ++i) keys.push_back(requests.hosts[i] + requests.paths[i]);
  return keys;
}

template <class Find>
void run_joined(benchmark::State& state, const std::vector<std::string>& keys, Find find) {
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(find(keys[next]));
    if (++next == keys.size()) next = 0;
  }
}

void unordered_map(benchmark::State& state) {
  const std::vector<std::string> keys = joined_keys(num_routes(state));
  std::unordered_map<std::string, std::size_t> map;
  for (std::size_t i = 0; i < keys.size(); ++i) map[host_of(i) + "/app/items/1"] = i;
  run_joined(state, keys, [&](const std::string& key) { return map.find(key); });
}
BENCHMARK(unordered_map)->Apply(sizes);

void flat_table(benchmark::State& state) {
  const std::vector<std::string> keys = joined_keys(num_routes(state));
  FlatTable table(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    table.put(host_of(i) + "/app/items/1", static_cast<std::uint32_t>(i));
  }
  run_joined(state, keys, [&](const std::string& key) { return table.find(key); });
}
BENCHMARK(flat_table)->Apply(sizes);

}  // namespace
}  // namespace ingress::bench
