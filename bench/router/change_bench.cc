// What one change costs on the control side, from the delta to the snapshot that workers adopt: checks,
// compilation, and freeing what only the last snapshot had.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <expected>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/reclaimer.h"
#include "proxy/publisher.h"
#include "proxy/retired_snapshots.h"
#include "workload.h"

namespace ingress::bench {
namespace {

using proxy::Publisher;

enum class Shape { kManyHosts, kOneHost };

// A route of its own host, or of its own path under the one host; `version` is in its path.
Route route_of(Shape shape, std::size_t i, int version) {
  const std::string cluster = "c" + std::to_string(i % 1'000);
  const std::string suffix = version == 0 ? "" : "/v" + std::to_string(version);
  return shape == Shape::kManyHosts
             ? *make_route("r" + std::to_string(i), host_of(i), "/app" + suffix, cluster)
             : *make_route("r" + std::to_string(i), "example.com", path_of(i) + suffix, cluster);
}

Cluster cluster_of(std::size_t i) {
  return {.name = "c" + std::to_string(i), .endpoints = {{"10.0.0.1", 80}, {"10.0.0.2", 80}}};
}

Publisher make_publisher() {
  return Publisher(
      [](const Listener& listener) -> std::expected<std::shared_ptr<proxy::BoundListener>, Error> {
        return std::make_shared<proxy::BoundListener>(std::vector<int>{}, listener.port);
      });
}

// A publisher with `size` routes. Kept for all changes of one shape and size: none of them adds up.
Publisher& prepared(Shape shape, std::size_t size) {
  static std::pair<Shape, std::size_t> made_for;
  static std::unique_ptr<Publisher> publisher;
  if (publisher && made_for == std::pair(shape, size)) return *publisher;
  publisher.reset();
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 8080}};
  for (std::size_t i = 0; i < 1'000; ++i) config.clusters.push_back(cluster_of(i));
  for (std::size_t i = 0; i < size; ++i) config.routes.push_back(route_of(shape, i, 0));
  publisher = std::make_unique<Publisher>(make_publisher());
  if (!publisher->publish(config)) std::abort();  // a bench of refused configurations measures nothing
  made_for = {shape, size};
  return *publisher;
}

void apply(Publisher& publisher, const ConfigDelta& delta) {
  if (!publisher.apply(delta)) std::abort();
}

// Times `apply(delta)` alone, for deltas that `make` gives and `undo` takes back.
template <class Make, class Undo>
void run(benchmark::State& state, Publisher& publisher, Make make, Undo undo) {
  for (auto _ : state) {
    const ConfigDelta delta = make();
    const auto before = std::chrono::steady_clock::now();
    apply(publisher, delta);
    state.SetIterationTime(std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count());
    undo(publisher);
  }
}

std::size_t num_routes(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void upsert(benchmark::State& state, Shape shape) {
  Publisher& publisher = prepared(shape, num_routes(state));
  std::mt19937_64 random(2);
  int version = 0;
  std::size_t at = 0;
  const auto make = [&] {
    at = random() % num_routes(state);
    return ConfigDelta{.upsert_routes = {route_of(shape, at, ++version)}};
  };
  run(state, publisher, make, [](Publisher&) {});
}

void remove(benchmark::State& state, Shape shape) {
  Publisher& publisher = prepared(shape, num_routes(state));
  std::mt19937_64 random(3);
  std::size_t at = 0;
  const auto make = [&] {
    at = random() % num_routes(state);
    return ConfigDelta{.remove_routes = {"r" + std::to_string(at)}};
  };
  run(state, publisher, make,
      [&](Publisher& all) { apply(all, {.upsert_routes = {route_of(shape, at, 0)}}); });
}

void change_endpoint(benchmark::State& state) {
  Publisher& publisher = prepared(Shape::kManyHosts, num_routes(state));
  std::uint16_t port = 0;
  const auto make = [&] {
    ConfigDelta delta{.upsert_clusters = {cluster_of(5)}};
    delta.upsert_clusters[0].endpoints[0].port = port = port % 60'000 + 1;
    return delta;
  };
  run(state, publisher, make, [](Publisher&) {});
}

void manual(benchmark::internal::Benchmark* bench) {
  bench->Apply(sizes)->UseManualTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(upsert, many_hosts, Shape::kManyHosts)->Apply(manual);
BENCHMARK_CAPTURE(remove, many_hosts, Shape::kManyHosts)->Apply(manual);
BENCHMARK(change_endpoint)->Apply(manual);
BENCHMARK_CAPTURE(upsert, one_host, Shape::kOneHost)->Apply(manual);
BENCHMARK_CAPTURE(remove, one_host, Shape::kOneHost)->Apply(manual);

// Processor time of this thread: what others do meanwhile is not counted.
double thread_us() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// All routes of a snapshot are replaced: freeing it in the slices in which the Server does, the time of all
// of them and, in microseconds, of the longest, which is what another event of the loop may have to wait.
void free_replaced(benchmark::State& state, Shape shape) {
  GatewayConfig first, second;
  for (std::size_t i = 0; i < 1'000; ++i) first.clusters.push_back(cluster_of(i));
  second.clusters = first.clusters;
  for (std::size_t i = 0; i < num_routes(state); ++i) {
    first.routes.push_back(route_of(shape, i, 1));
    second.routes.push_back(route_of(shape, i, 2));
  }
  double longest = 0;
  std::size_t num_slices = 0;
  for (auto _ : state) {
    Publisher publisher = make_publisher();
    if (!publisher.publish(first)) std::abort();
    proxy::SnapshotPtr old = publisher.current();
    if (!publisher.publish(second)) std::abort();
    base::Reclaimer reclaimer;
    double total = 0;
    const auto timed = [&](auto&& step) {
      const double before = thread_us();
      const bool goes_on = step();
      const double us = thread_us() - before;
      longest = std::max(longest, us);
      total += us;
      ++num_slices;
      return goes_on;
    };
    timed([&] { return reclaimer.collect([&] { old.reset(); }), true; });
    while (timed([&] { return reclaimer.free_some(proxy::RetiredSnapshots::kNodesPerSlice); })) {
    }
    state.SetIterationTime(total / 1e6);
  }
  state.counters["slices"] =
      benchmark::Counter(static_cast<double>(num_slices), benchmark::Counter::kAvgIterations);
  state.counters["longest_us"] = longest;
}
BENCHMARK_CAPTURE(free_replaced, many_hosts, Shape::kManyHosts)
    ->Arg(1'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(free_replaced, one_host, Shape::kOneHost)
    ->Arg(100'000)
    ->UseManualTime()
    ->Iterations(3)
    ->Unit(benchmark::kMillisecond);

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// 10,000 changes of random routes: what the heap has in use and the process keeps resident afterwards, in
// percent of before. A first 100 changes are not counted: they fill the allocator's caches.
void memory_after_changes(benchmark::State& state) {
  Publisher& publisher = prepared(Shape::kManyHosts, num_routes(state));
  std::mt19937_64 random(4);
  const auto change = [&](int count) {
    for (int i = 0; i < count; ++i) {
      apply(publisher,
            {.upsert_routes = {route_of(Shape::kManyHosts, random() % num_routes(state), 1'000 + i)}});
    }
  };
  for (auto _ : state) {
    change(100);
    malloc_trim(0);
    const std::size_t heap = heap_bytes();
    const std::size_t resident = resident_bytes();
    change(10'000);
    const auto growth = [](std::size_t before, std::size_t after) {
      return 100.0 * (static_cast<double>(after) / static_cast<double>(before) - 1);
    };
    state.counters["heap_growth_percent"] = growth(heap, heap_bytes());
    state.counters["resident_growth_percent"] = growth(resident, resident_bytes());
  }
}
BENCHMARK(memory_after_changes)->Apply(sizes)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ingress::bench
