// Clusters as a worker knows them, with a clock that stands still, and what many picks come to.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "upstream/cluster_state.h"
#include "upstream/cluster_table.h"

namespace ingress::upstream::test {

// Endpoints 10.0.0.1 with these ports.
inline Cluster cluster_of(const std::string& name, const std::vector<std::uint16_t>& ports) {
  Cluster cluster{.name = name};
  for (const std::uint16_t port : ports) cluster.endpoints.push_back({"10.0.0.1", port});
  return cluster;
}

// One endpoint per weight; ports count from 1.
inline Cluster weighted_cluster(LoadBalancing policy, const std::vector<std::uint32_t>& weights) {
  Cluster cluster{.name = "a", .load_balancing = policy};
  for (const std::uint32_t weight : weights) {
    const auto port = static_cast<std::uint16_t>(cluster.endpoints.size() + 1);
    cluster.endpoints.push_back({.address = "10.0.0.1", .port = port, .weight = weight});
  }
  return cluster;
}

struct ClusterFixture {
  explicit ClusterFixture(std::uint64_t seed = 1, std::string zone = {})
      : states(
            {.seed = seed, .zone = std::move(zone), .now = [this] { return now; }, .counters = &counters}) {}
  ClusterFixture(const ClusterFixture&) = delete;
  ClusterFixture& operator=(const ClusterFixture&) = delete;

  const ClusterTable& change(std::vector<Cluster> upserts, std::vector<std::string> removals = {}) {
    held.push_back(compiler.apply(upserts, removals));
    states.adopt(*held.back());
    return *held.back();
  }
  // A fixture's only cluster, or the next version of it.
  const ClusterEntry& serve(Cluster cluster) { return *(entry = change({std::move(cluster)}).find(0)); }
  EndpointRef pick(const PickRequest& request = {}) { return states.pick(*entry, request); }
  // How many of `count` picks went to each port.
  std::map<std::uint16_t, std::size_t> picks(std::size_t count) {
    std::map<std::uint16_t, std::size_t> out;
    for (std::size_t i = 0; i < count; ++i) ++out[pick()->key.port];
    return out;
  }
  void set_available(std::uint16_t port, Availability availability) {
    states.set_available(0, {"10.0.0.1", port}, availability);
  }

  std::chrono::milliseconds now{1'000'000};
  PickCounters counters;
  ClusterCompiler compiler{base::SlotRegistry::create()};
  ClusterStates states;
  std::vector<std::shared_ptr<const ClusterTable>> held;
  const ClusterEntry* entry = nullptr;
};

// The state of the endpoint with that port, which picks lead to sooner or later.
inline EndpointRef find(ClusterFixture& fixture, std::uint16_t port) {
  EndpointRef out;
  while (!out || out->key.port != port) out = fixture.pick();
  return out;
}

}  // namespace ingress::upstream::test
