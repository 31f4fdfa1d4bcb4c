// Where keys lead, how few of them move, and the bound of the load.
#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <string>

#include "upstream/cluster_fixture.h"
#include "upstream/hash_key.h"

namespace ingress::upstream {
namespace {

using test::ClusterFixture;
using test::weighted_cluster;

Cluster hash_cluster(std::size_t num_endpoints, std::uint32_t balance_factor_percent = 0) {
  Cluster cluster =
      weighted_cluster(LoadBalancing::kConsistentHash, std::vector<std::uint32_t>(num_endpoints, 1));
  cluster.consistent_hash.balance_factor_percent = balance_factor_percent;
  return cluster;
}

// By client address.
std::uint16_t port_of(ClusterFixture& fixture, int client, const EndpointState* avoid = nullptr) {
  const std::string address = "192.0.2." + std::to_string(client);
  return fixture.pick({.avoid = avoid, .client_address = address})->key.port;
}

TEST_CASE("KeysComeFromWhereTheSettingsSay") {
  RequestHead head;
  head.set_path("/a/b");
  head.set_query("u=7&v=8");
  head.headers().add("X-User", "alice");
  head.headers().add("x-empty", "");
  head.headers().add("Cookie", "s=abc; t=def");
  const PickRequest request{.head = &head, .client_address = "192.0.2.1"};
  struct Row {
    HashSource source;
    const char* name;
    std::optional<std::string_view> key;
  };
  for (const Row& row :
       {Row{HashSource::kClientAddress, "", "192.0.2.1"}, Row{HashSource::kHeader, "x-user", "alice"},
        Row{HashSource::kHeader, "x-none", std::nullopt}, Row{HashSource::kHeader, "x-empty", std::nullopt},
        Row{HashSource::kCookie, "t", "def"}, Row{HashSource::kCookie, "u", std::nullopt},
        Row{HashSource::kQueryParameter, "v", "8"}, Row{HashSource::kQueryParameter, "s", std::nullopt},
        Row{HashSource::kPath, "", "/a/b"}}) {
    CAPTURE(row.name);
    CHECK(hash_key({.source = row.source, .name = row.name}, request) == row.key);
    if (row.source != HashSource::kClientAddress)
      CHECK(!hash_key({.source = row.source, .name = row.name}, {.client_address = "192.0.2.1"}));
  }
}

TEST_CASE("AKeyLeadsToTheSameEndpointInEveryWorker") {
  ClusterFixture one(1), two(2);
  one.serve(hash_cluster(7));
  two.serve(hash_cluster(7));
  for (int client = 0; client < 200; ++client) {
    const std::uint16_t port = port_of(one, client);
    CHECK(port_of(one, client) == port);
    CHECK(port_of(two, client) == port);
  }
}

TEST_CASE("RequestsWithoutAKeyAreSpreadByWeight") {
  ClusterFixture fixture(3);
  Cluster cluster = weighted_cluster(LoadBalancing::kConsistentHash, {1, 3});
  cluster.consistent_hash = {.source = HashSource::kHeader, .name = "x-user"};
  fixture.serve(cluster);
  RequestHead head;
  std::size_t num_second = 0;
  for (int i = 0; i < 10'000; ++i) num_second += fixture.pick({.head = &head})->key.port == 2 ? 1 : 0;
  CHECK(num_second > 7200);
  CHECK(num_second < 7800);
}

TEST_CASE("OnlyTheKeysOfAnUnavailableEndpointMoveAndTheyComeBack") {
  ClusterFixture fixture(4);
  fixture.serve(hash_cluster(5));
  std::vector<std::uint16_t> before;
  for (int client = 0; client < 250; ++client) before.push_back(port_of(fixture, client));
  fixture.set_available(3, Availability::kUnavailable);
  for (int client = 0; client < 250; ++client) {
    const std::uint16_t port = port_of(fixture, client);
    CHECK(port != 3);
    if (before[client] != 3) CHECK(port == before[client]);
  }
  fixture.set_available(3, Availability::kAvailable);
  for (int client = 0; client < 250; ++client) CHECK(port_of(fixture, client) == before[client]);
}

TEST_CASE("TheKeysOfAnEndpointThatIsAvoidedGoWhereTheyWouldWithoutIt") {
  ClusterFixture fixture(5), without(5);
  fixture.serve(hash_cluster(5));
  without.serve(hash_cluster(5));
  without.set_available(2, Availability::kUnavailable);
  EndpointRef second;
  while (!second || second->key.port != 2) second = fixture.pick();
  for (int client = 0; client < 250; ++client)
    CHECK(port_of(fixture, client, second.get()) == port_of(without, client));
}

TEST_CASE("NoEndpointIsEverAboveItsBound") {
  for (const std::uint32_t factor : {100U, 125U, 200U}) {
    for (const std::vector<std::uint32_t>& weights :
         {std::vector<std::uint32_t>{1, 1, 1, 1, 1}, std::vector<std::uint32_t>{1, 10, 3, 4}}) {
      CAPTURE(factor);
      CAPTURE(weights.size());
      ClusterFixture fixture(factor);
      Cluster cluster = weighted_cluster(LoadBalancing::kConsistentHash, weights);
      cluster.consistent_hash.balance_factor_percent = factor;
      fixture.serve(cluster);
      double total_weight = 0;
      for (const std::uint32_t weight : weights) total_weight += weight;
      Random random(factor);
      std::deque<EndpointRef> running;
      for (int i = 0; i < 3000; ++i) {
        // Few keys, one of them most of the time: without a bound a single endpoint would take nearly all.
        const int client = random.below(3) == 0 ? static_cast<int>(random.below(10)) : 0;
        running.push_back(fixture.pick({.client_address = "192.0.2." + std::to_string(client)}));
        running.back()->begin_exchange();
        const EndpointState& picked = *running.back();
        const double bound =
            factor / 100.0 * static_cast<double>(running.size()) * picked.key.weight / total_weight;
        REQUIRE(picked.num_active <= std::ceil(bound - 1e-9));
        while (running.size() > 40 || (running.size() > 1 && random.below(3) == 0)) {
          const std::size_t done = random.below(running.size());
          std::swap(running[done], running.front());
          running.front()->end_exchange();
          running.pop_front();
        }
      }
      if (factor < 200) CHECK(fixture.counters.overflow.get() > 100);
    }
  }
}

TEST_CASE("TheBoundCountsWhatRunsNowAcrossChanges") {
  ClusterFixture fixture(6);
  fixture.serve(hash_cluster(3));  // no bound yet: nobody counts
  const EndpointRef first = fixture.pick({.client_address = "192.0.2.9"});
  for (int i = 0; i < 6; ++i) first->begin_exchange();
  fixture.serve(hash_cluster(3, 100));
  CHECK(*first->cluster_active == 6);
  CHECK(fixture.pick({.client_address = "192.0.2.9"}).get() != first.get());
  Cluster without = hash_cluster(3, 100);
  std::erase_if(without.endpoints, [&](const Endpoint& e) { return e.port == first->key.port; });
  fixture.serve(without);
  CHECK(first->cluster_active == nullptr);
  for (int i = 0; i < 6; ++i) first->end_exchange();  // the cluster no longer counts them
  CHECK(*fixture.pick({.client_address = "192.0.2.9"})->cluster_active == 0);
}

TEST_CASE("ARingIsMadeAnewOnlyForOtherEndpoints") {
  ClusterFixture fixture;
  const auto ring = fixture.serve(hash_cluster(3)).ring;
  Cluster other_limits = hash_cluster(3);
  other_limits.limits.max_idle_connections = 7;
  CHECK(fixture.serve(other_limits).ring == ring);
  CHECK(fixture.serve(hash_cluster(4)).ring != ring);
  CHECK(fixture.serve(weighted_cluster(LoadBalancing::kRandom, {1, 1, 1})).ring == nullptr);
}

TEST_CASE("OneAvailableEndpointAmongManyIsFound") {
  ClusterFixture fixture(8);
  Cluster cluster = hash_cluster(300);
  cluster.panic_threshold_percent = 0;
  fixture.serve(cluster);
  for (std::uint16_t port = 3; port <= 300; ++port) fixture.set_available(port, Availability::kUnavailable);
  for (int client = 0; client < 100; ++client) {
    const std::uint16_t port = port_of(fixture, client);
    CHECK(port <= 2);
    CHECK(port_of(fixture, client) == port);
  }
}

}  // namespace
}  // namespace ingress::upstream
