// What one change of configuration costs on the control side: a whole config, a route, an endpoint.
// The argument is the number of routes, one host and one cluster each; INGRESS_BENCH_LARGE=1 adds a million.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "proxy/publisher.h"

namespace ingress::proxy {
namespace {

GatewayConfig make_config(std::int64_t count) {
  GatewayConfig config;
  config.listeners = {{.name = "web", .address = "127.0.0.1", .port = 8080}};
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string id = std::to_string(i);
    config.clusters.push_back({.name = "c" + id, .endpoints = {{"10.0.0.1", 80}, {"10.0.0.2", 80}}});
    config.routes.push_back(
        {.name = "r" + id,
         .hosts = {"host" + id + ".example.com"},
         .rules = {{.matches = {{.path = PathMatch::prefix("/api")}}, .backends = {{.cluster = "c" + id}}}}});
  }
  return config;
}

Publisher make_publisher() {
  return Publisher([](const Listener& listener) -> std::expected<std::shared_ptr<BoundListener>, Error> {
    return std::make_shared<BoundListener>(std::vector<int>{}, listener.port);
  });
}

void sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(10)->Arg(1'000)->Arg(100'000)->Unit(benchmark::kMicrosecond);
  if (std::getenv("INGRESS_BENCH_LARGE") != nullptr) bench->Arg(1'000'000);
}

void BM_PublishWholeFromNothing(benchmark::State& state) {
  const GatewayConfig config = make_config(state.range(0));
  for (auto _ : state) {
    Publisher publisher = make_publisher();
    benchmark::DoNotOptimize(publisher.publish(config));
  }
}
BENCHMARK(BM_PublishWholeFromNothing)->Apply(sizes);

void BM_PublishWholeWithOneRouteChanged(benchmark::State& state) {
  GatewayConfig config = make_config(state.range(0));
  Publisher publisher = make_publisher();
  benchmark::DoNotOptimize(publisher.publish(config));
  bool is_odd = false;
  for (auto _ : state) {
    is_odd = !is_odd;
    config.routes[5].rules[0].matches[0].path.value = is_odd ? "/odd" : "/even";
    benchmark::DoNotOptimize(publisher.publish(config));
  }
}
BENCHMARK(BM_PublishWholeWithOneRouteChanged)->Apply(sizes);

void BM_ApplyOneRoute(benchmark::State& state) {
  const GatewayConfig config = make_config(state.range(0));
  Publisher publisher = make_publisher();
  benchmark::DoNotOptimize(publisher.publish(config));
  ConfigDelta delta{.upsert_routes = {config.routes[5]}};
  bool is_odd = false;
  for (auto _ : state) {
    is_odd = !is_odd;
    delta.upsert_routes[0].rules[0].matches[0].path.value = is_odd ? "/odd" : "/even";
    benchmark::DoNotOptimize(publisher.apply(delta));
  }
}
BENCHMARK(BM_ApplyOneRoute)->Apply(sizes);

void BM_ApplyOneEndpoint(benchmark::State& state) {
  const GatewayConfig config = make_config(state.range(0));
  Publisher publisher = make_publisher();
  benchmark::DoNotOptimize(publisher.publish(config));
  ConfigDelta delta{.upsert_clusters = {config.clusters[5]}};
  bool is_odd = false;
  for (auto _ : state) {
    is_odd = !is_odd;
    delta.upsert_clusters[0].endpoints[0].port = is_odd ? 81 : 82;
    benchmark::DoNotOptimize(publisher.apply(delta));
  }
}
BENCHMARK(BM_ApplyOneEndpoint)->Apply(sizes);

}  // namespace
}  // namespace ingress::proxy
