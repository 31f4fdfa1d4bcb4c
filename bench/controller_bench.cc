// What a change of one object costs the controller, by how many Ingresses there are, and what an Ingress and
// an endpoint take in memory. Each Ingress has a host and a certificate of its own and one of 100 Services.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controller/reconciler.h"

namespace ingress::controller {
namespace {

constexpr int kNumServices = 100;
constexpr int kEndpointsPerService = 50;

class NullSink final : public ConfigSink {
 public:
  std::vector<Problem> apply(const ConfigDelta& delta) override {
    num_parts += delta.upsert_routes.size() + delta.upsert_clusters.size() + delta.upsert_certificates.size();
    return {};
  }
  std::size_t num_parts = 0;
};

ObjectMeta meta(std::string name) {
  return {.namespace_ = "shop", .name = std::move(name), .created_at = 1'700'000'000};
}

Ingress make_ingress(int n, int service) {
  const std::string name = "app-" + std::to_string(n);
  const std::string host = name + ".bench.example.com";
  Ingress out{.meta = meta(name), .class_name = "ours"};
  const IngressBackend backend{.service = "service-" + std::to_string(service),
                               .port = {.number = 80, .name = {}}};
  out.rules.push_back(
      {.host = host, .paths = {{.path = "/", .type = PathType::kPrefix, .backend = backend}}});
  out.tls.push_back({.hosts = {host}, .secret = name});
  return out;
}

// About the size of a certificate with an ECDSA key.
Secret make_secret(int n, int version) {
  Secret out{.meta = meta("app-" + std::to_string(n)), .type = "kubernetes.io/tls"};
  out.data["tls.crt"] = std::to_string(version) + std::string(1'000, 'c');
  out.data["tls.key"] = std::to_string(version) + std::string(240, 'k');
  return out;
}

Service make_service(int n) {
  return {.meta = meta("service-" + std::to_string(n)),
          .ports = {{.name = "http", .port = 80, .target_port = 8080}}};
}

EndpointSlice make_slice(int n, int num_endpoints, int version) {
  EndpointSlice out{.meta = meta("service-" + std::to_string(n) + "-x1"), .address_type = "IPv4"};
  out.service = "service-" + std::to_string(n);
  for (int i = 0; i < num_endpoints; ++i) {
    const int last = i == 0 ? 251 + version % 4 : i % 250;
    out.endpoints.push_back({.addresses = {"10." + std::to_string(n % 250) + '.' + std::to_string(i / 250) +
                                           '.' + std::to_string(last)},
                             .ready = true,
                             .serving = true,
                             .zone = "eu-1a"});
  }
  out.ports = {{.name = "http", .port = 8080}};
  return out;
}

ReadObject read(Object object) {
  ObjectKey key = key_of(object);
  return {std::move(key), std::move(object), {}};
}

struct World {
  explicit World(int num_ingresses, int endpoints_per_service = kEndpointsPerService)
      : reconciler({.serves_tls = true}, sink) {
    put(IngressClass{.meta = {.name = "ours"}, .controller = "libingress.dev/proxyd"});
    for (int i = 0; i < kNumServices; ++i) {
      put(make_service(i));
      put(make_slice(i, endpoints_per_service, 0));
    }
    for (int i = 0; i < num_ingresses; ++i) {
      put(make_secret(i, 0));
      put(make_ingress(i, i % kNumServices));
    }
    reconciler.reconcile();
  }
  void put(Object object) { reconciler.upsert(read(std::move(object)), {}); }
  void change(Object object) {
    const std::size_t before = sink.num_parts;
    put(std::move(object));
    reconciler.reconcile();
    if (sink.num_parts == before) std::abort();  // it measures nothing
  }
  NullSink sink;
  Reconciler reconciler;
  int version = 0;  // of what is changed
  bool is_h2c = false;
};

// Made once for each size: it takes longer than what is measured.
World& world_of(std::int64_t num_ingresses) {
  static std::map<std::int64_t, std::unique_ptr<World>> worlds;
  auto& world = worlds[num_ingresses];
  if (!world) world = std::make_unique<World>(static_cast<int>(num_ingresses));
  return *world;
}

void endpoint_change(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) world.change(make_slice(7, kEndpointsPerService, ++world.version));
}

void ingress_change(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) world.change(make_ingress(77, ++world.version % kNumServices));
}

void ingress_come_and_go(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) {
    world.change(make_ingress(1'000'000, 3));
    world.reconciler.remove({Ingress::kKind, "shop", "app-1000000"}, {});
    world.reconciler.reconcile();
  }
}

void secret_change(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) world.change(make_secret(77, ++world.version));
}

void service_change(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) {
    Service service = make_service(7);
    if ((world.is_h2c = !world.is_h2c)) service.ports[0].app_protocol = "kubernetes.io/h2c";
    world.change(service);
  }
}

void problems_of_a_sound_cluster(benchmark::State& state) {
  World& world = world_of(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(world.reconciler.problems());
}

void from_empty(benchmark::State& state) {
  for (auto _ : state) {
    const World world(static_cast<int>(state.range(0)));
    benchmark::DoNotOptimize(world.sink.num_parts);
  }
}

std::size_t bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

// 10,000 Ingresses with 100,000 endpoints, as all of the controller keeps them.
void memory(benchmark::State& state) {
  double total = 0, per_ingress = 0, per_endpoint = 0;
  for (auto _ : state) {
    const std::size_t before = bytes_in_use();
    const auto full = std::make_unique<World>(10'000, 1'000);
    const std::size_t all = bytes_in_use();
    const auto few_endpoints = std::make_unique<World>(10'000, 10);
    const std::size_t ingresses = bytes_in_use() - all;
    total = static_cast<double>(all - before);
    per_ingress = static_cast<double>(ingresses) / 10'000;
    per_endpoint = static_cast<double>(all - before - ingresses) / (kNumServices * 990);
  }
  state.counters["MB"] = total / 1e6;
  state.counters["B/Ingress"] = per_ingress;
  state.counters["B/endpoint"] = per_endpoint;
}

BENCHMARK(endpoint_change)->Arg(5'000)->Arg(20'000);
BENCHMARK(ingress_change)->Arg(5'000)->Arg(20'000);
BENCHMARK(ingress_come_and_go)->Arg(5'000)->Arg(20'000);
BENCHMARK(secret_change)->Arg(5'000)->Arg(20'000);
BENCHMARK(service_change)->Arg(5'000)->Arg(20'000);
BENCHMARK(problems_of_a_sound_cluster)->Arg(5'000)->Arg(20'000);
BENCHMARK(from_empty)->Arg(5'000)->Unit(benchmark::kMillisecond);
BENCHMARK(memory)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace ingress::controller
