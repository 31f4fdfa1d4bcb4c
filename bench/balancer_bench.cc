// What a pick costs: each policy at 3, 30 and 1000 endpoints, and a split between the backends of a rule.
#include <benchmark/benchmark.h>

#include <string>

#include "upstream/cluster_state.h"
#include "upstream/cluster_table.h"

namespace ingress::upstream {
namespace {

enum class Weights { kEqual, kUnequal };

Cluster make_cluster(LoadBalancing policy, Weights weights, std::int64_t num_endpoints) {
  Cluster cluster{.name = "a", .load_balancing = policy};
  for (std::int64_t i = 0; i < num_endpoints; ++i) {
    cluster.endpoints.push_back(
        {.address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250),
         .port = 80,
         .weight = static_cast<std::uint32_t>(weights == Weights::kEqual ? 1 : 1 + i % 7)});
  }
  return cluster;
}

// Keys of clients, so that a hash is not answered from the same cache line again and again.
std::vector<std::string> make_clients() {
  std::vector<std::string> out;
  for (int i = 0; i < 1024; ++i)
    out.push_back("192.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  return out;
}

void run(benchmark::State& state, const Cluster& cluster) {
  ClusterCompiler compiler(base::SlotRegistry::create());
  ClusterStates states({.seed = 1, .zone = "a"});
  const auto table = compiler.apply(std::span(&cluster, 1), {});
  states.adopt(*table);
  const ClusterEntry& entry = *table->find(0);
  const std::vector<std::string> clients = make_clients();
  // As many requests run as there are endpoints.
  std::vector<EndpointRef> running(cluster.endpoints.size());
  std::size_t i = 0;
  for (auto _ : state) {
    EndpointRef picked = states.pick(entry, {.client_address = clients[i % clients.size()]});
    picked->begin_exchange();
    EndpointRef& done = running[i++ % running.size()];
    if (done) done->end_exchange();
    states.note_duration(*picked, std::chrono::microseconds(500), TryOutcome::kOk);
    done = std::move(picked);
  }
  states.adopt(ClusterTable());
}

void BM_Pick(benchmark::State& state, LoadBalancing policy, Weights weights) {
  run(state, make_cluster(policy, weights, state.range(0)));
}

void BM_PickBounded(benchmark::State& state) {
  Cluster cluster = make_cluster(LoadBalancing::kConsistentHash, Weights::kEqual, state.range(0));
  cluster.consistent_hash.balance_factor_percent = 125;
  run(state, cluster);
}

void BM_PickOwnZone(benchmark::State& state) {
  Cluster cluster = make_cluster(LoadBalancing::kRoundRobin, Weights::kEqual, state.range(0));
  cluster.locality.prefer = ZonePreference::kOwnZone;
  for (std::size_t i = 0; i < cluster.endpoints.size(); ++i)
    cluster.endpoints[i].zone = i % 3 == 0 ? "a" : "b";
  run(state, cluster);
}

// What an endpoint that comes and goes costs: the next pick makes the list of candidates anew.
void BM_PickAfterChange(benchmark::State& state, LoadBalancing policy) {
  Cluster cluster = make_cluster(policy, Weights::kUnequal, state.range(0));
  ClusterCompiler compiler(base::SlotRegistry::create());
  ClusterStates states({.seed = 1});
  const auto table = compiler.apply(std::span(&cluster, 1), {});
  states.adopt(*table);
  bool is_available = true;
  for (auto _ : state) {
    is_available = !is_available;
    states.set_available(0, cluster.endpoints[0],
                         is_available ? Availability::kAvailable : Availability::kUnavailable);
    benchmark::DoNotOptimize(states.pick(*table->find(0), {.client_address = "192.0.2.1"}));
  }
}

void BM_MakeRing(benchmark::State& state) {
  const Cluster cluster = make_cluster(LoadBalancing::kConsistentHash, Weights::kEqual, state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(HashRing(cluster.endpoints));
}

void BM_PickBackend(benchmark::State& state) {
  ClusterStates states({.seed = 1});
  std::vector<BackendRef> backends;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    backends.push_back(
        {.cluster = "c", .weight = static_cast<std::uint32_t>(1 + i * 7919 % 1000), .failure = {}});
  }
  for (auto _ : state) benchmark::DoNotOptimize(states.pick_backend(1, backends));
}

#define INGRESS_SIZES ->Arg(3)->Arg(30)->Arg(1000)
BENCHMARK_CAPTURE(BM_Pick, round_robin, LoadBalancing::kRoundRobin, Weights::kEqual) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, weighted_round_robin, LoadBalancing::kRoundRobin, Weights::kUnequal) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, random, LoadBalancing::kRandom, Weights::kEqual) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, weighted_random, LoadBalancing::kRandom, Weights::kUnequal) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, least_request, LoadBalancing::kLeastRequest, Weights::kEqual) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, weighted_least_request, LoadBalancing::kLeastRequest, Weights::kUnequal)
INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, peak_ewma, LoadBalancing::kPeakEwma, Weights::kEqual) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_Pick, consistent_hash, LoadBalancing::kConsistentHash, Weights::kEqual) INGRESS_SIZES;
BENCHMARK(BM_PickBounded) INGRESS_SIZES;
BENCHMARK(BM_PickOwnZone) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_PickAfterChange, round_robin, LoadBalancing::kRoundRobin) INGRESS_SIZES;
BENCHMARK_CAPTURE(BM_PickAfterChange, consistent_hash, LoadBalancing::kConsistentHash) INGRESS_SIZES;
BENCHMARK(BM_MakeRing) INGRESS_SIZES;
BENCHMARK(BM_PickBackend)->Arg(2)->Arg(3)->Arg(30);

}  // namespace
}  // namespace ingress::upstream
