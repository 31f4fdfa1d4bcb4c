// Each load balancing policy, by what many picks come to.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <set>
#include <string>

#include "upstream/cluster_fixture.h"

namespace ingress::upstream {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using test::ClusterFixture;
using test::weighted_cluster;

constexpr LoadBalancing kAll[] = {LoadBalancing::kRoundRobin, LoadBalancing::kLeastRequest,
                                  LoadBalancing::kRandom, LoadBalancing::kPeakEwma,
                                  LoadBalancing::kConsistentHash};

TEST_CASE("EveryPolicyUsesEveryEndpointAndAvoidsTheOneThatFailed") {
  for (const LoadBalancing policy : kAll) {
    for (const std::vector<std::uint32_t>& weights :
         {std::vector<std::uint32_t>{1, 1}, std::vector<std::uint32_t>{1, 1, 1},
          std::vector<std::uint32_t>{1'000'000, 1}, std::vector<std::uint32_t>{5, 1, 3}}) {
      CAPTURE(static_cast<int>(policy));
      CAPTURE(weights.size());
      ClusterFixture fixture;
      fixture.serve(weighted_cluster(policy, weights));
      if (weights[0] < 1000) CHECK(fixture.picks(500).size() == weights.size());
      for (int i = 0; i < 200; ++i) {
        const EndpointRef failed = fixture.pick();
        REQUIRE(fixture.pick({.avoid = failed.get()}).get() != failed.get());
      }
    }
  }
}

TEST_CASE("AnOnlyEndpointIsUsedEvenWhenItFailed") {
  for (const LoadBalancing policy : kAll) {
    ClusterFixture fixture;
    fixture.serve(weighted_cluster(policy, {1}));
    const EndpointRef only = fixture.pick();
    CHECK(fixture.pick({.avoid = only.get()}).get() == only.get());
  }
}

TEST_CASE("RoundRobinTakesEachInTurnFromARandomStart") {
  std::set<std::uint16_t> starts;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    ClusterFixture fixture(seed);
    fixture.serve(weighted_cluster(LoadBalancing::kRoundRobin, {7, 7, 7, 7}));
    std::uint16_t last = fixture.pick()->key.port;
    starts.insert(last);
    for (int i = 0; i < 20; ++i) {
      const std::uint16_t port = fixture.pick()->key.port;
      REQUIRE(port == last % 4 + 1);
      last = port;
    }
  }
  CHECK(starts.size() == 4);
}

TEST_CASE("WeightedRoundRobinIsSmooth") {
  ClusterFixture fixture;
  const std::vector<std::uint32_t> weights{50, 30, 15, 5};
  fixture.serve(weighted_cluster(LoadBalancing::kRoundRobin, weights));
  std::map<std::uint16_t, std::deque<int>> turns;
  for (int i = 0; i < 2000; ++i) turns[fixture.pick()->key.port].push_back(i);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const std::deque<int>& taken = turns[static_cast<std::uint16_t>(i + 1)];
    CHECK(std::abs(static_cast<double>(taken.size()) - 20.0 * weights[i]) < 3);
    // Neither bursts nor long gaps: between two turns lie at most two of its times.
    for (std::size_t j = 1; j < taken.size(); ++j)
      REQUIRE(taken[j] - taken[j - 1] <= 2 * 100 / weights[i] + 2);
  }
}

// Each of `count` independent draws goes to an endpoint by these weights: within five standard deviations.
template <class Weight>
void check_binomial(const std::map<std::uint16_t, std::size_t>& picks, const std::vector<Weight>& weights,
                    std::size_t count) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    CAPTURE(i);
    const double share = static_cast<double>(weights[i]) / total;
    const double deviation = std::sqrt(static_cast<double>(count) * share * (1 - share));
    const auto found = picks.find(static_cast<std::uint16_t>(i + 1));
    const double taken = found == picks.end() ? 0 : static_cast<double>(found->second);
    CHECK(std::abs(taken - share * static_cast<double>(count)) < 5 * deviation + 1);
  }
}

TEST_CASE("RandomFollowsTheWeights") {
  for (const std::vector<std::uint32_t>& weights :
       {std::vector<std::uint32_t>{1, 1, 1, 1}, std::vector<std::uint32_t>{1, 2, 3, 94},
        std::vector<std::uint32_t>{1'000'000, 1}}) {
    ClusterFixture fixture(17);
    fixture.serve(weighted_cluster(LoadBalancing::kRandom, weights));
    check_binomial(fixture.picks(50'000), weights, 50'000);
  }
}

TEST_CASE("LeastRequestEvensOutLoadThatNobodyGivesBack") {
  ClusterFixture fixture(42);
  fixture.serve(weighted_cluster(LoadBalancing::kLeastRequest, std::vector<std::uint32_t>(8, 1)));
  std::set<EndpointState*> endpoints;
  for (int i = 0; i < 8000; ++i) {
    const EndpointRef picked = fixture.pick();
    picked->begin_exchange();
    endpoints.insert(picked.get());
  }
  // Two choices keep the largest load within log log n of the mean; one choice would be off by about 80.
  for (const EndpointState* endpoint : endpoints) CHECK(std::abs(endpoint->num_active - 1000.0) < 10);
}

TEST_CASE("LeastRequestKeepsLoadsInProportionToWeights") {
  const std::vector<std::uint32_t> weights{1, 2, 5, 12};
  ClusterFixture fixture(43);
  fixture.serve(weighted_cluster(LoadBalancing::kLeastRequest, weights));
  for (int i = 0; i < 20'000; ++i) fixture.pick()->begin_exchange();
  for (int i = 0; i < 200; ++i) {
    const EndpointRef endpoint = fixture.pick();
    CHECK(std::abs(endpoint->num_active / (1000.0 * endpoint->key.weight) - 1) < 0.05);
  }
}

TEST_CASE("LeastRequestNeverPicksTheBusiestOfAll") {
  ClusterFixture fixture(9);
  fixture.serve(weighted_cluster(LoadBalancing::kLeastRequest, {1, 1, 1, 1}));
  const EndpointRef busy = fixture.pick();
  for (int i = 0; i < 5; ++i) busy->begin_exchange();
  for (int i = 0; i < 1000; ++i) CHECK(fixture.pick().get() != busy.get());
}

TEST_CASE("LeastRequestWithoutLoadFollowsTheWeights") {
  ClusterFixture fixture(21);
  fixture.serve(weighted_cluster(LoadBalancing::kLeastRequest, {1, 3, 6}));
  check_binomial(fixture.picks(20'000), std::vector{1, 3, 6}, 20'000);
}

// What the better of two draws comes to: `shares` are of a single draw, the best endpoint first. Draws of the
// same endpoint twice are repeated when they must differ, as between equal shares.
std::vector<double> better_of_two(const std::vector<double>& shares, bool must_differ) {
  std::vector<double> out(shares.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    for (std::size_t j = 0; j < shares.size(); ++j) {
      if (i == j && must_differ) continue;
      out[std::min(i, j)] += shares[i] * shares[j];
    }
  }
  return out;
}

TEST_CASE("LeastRequestGivesEachItsPartByItsRankAmongLoads") {
  for (const std::vector<std::uint32_t>& weights :
       {std::vector<std::uint32_t>{1, 1, 1, 1, 1}, std::vector<std::uint32_t>{5, 1, 3, 2, 4}}) {
    CAPTURE(weights[0]);
    ClusterFixture fixture(31);
    fixture.serve(weighted_cluster(LoadBalancing::kLeastRequest, weights));
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<double> shares;
    for (std::uint32_t i = 0; i < weights.size(); ++i) {  // load by weight: 1, 2, 3, 4, 5
      test::find(fixture, static_cast<std::uint16_t>(i + 1))->num_active = (i + 1) * weights[i];
      shares.push_back(weights[i] / total);
    }
    check_binomial(fixture.picks(50'000), better_of_two(shares, weights[0] == 1), 50'000);
  }
}

TEST_CASE("PeakEwmaGivesEachItsPartByItsRankAmongCosts") {
  ClusterFixture fixture(32);
  fixture.serve(weighted_cluster(LoadBalancing::kPeakEwma, {1, 1, 1, 1}));
  // Latency times requests, the new one included: 2000, 2500, 3000, 8000.
  const std::pair<int, std::uint32_t> rows[] = {{1000, 1}, {2500, 0}, {1000, 2}, {4000, 1}};
  for (std::uint16_t port = 1; port <= 4; ++port) {
    const EndpointRef endpoint = test::find(fixture, port);
    fixture.states.note_duration(*endpoint, microseconds(rows[port - 1].first), TryOutcome::kOk);
    endpoint->num_active = rows[port - 1].second;
  }
  check_binomial(fixture.picks(50'000), better_of_two({0.25, 0.25, 0.25, 0.25}, true), 50'000);
}

// Serves `count` requests one after the other, each as slow as its endpoint is; returns picks per port.
std::map<std::uint16_t, std::size_t> serve_with_latencies(
    ClusterFixture& fixture, std::size_t count, const std::map<std::uint16_t, microseconds>& latencies) {
  std::map<std::uint16_t, std::size_t> out;
  for (std::size_t i = 0; i < count; ++i) {
    const EndpointRef picked = fixture.pick();
    ++out[picked->key.port];
    fixture.states.note_duration(*picked, latencies.at(picked->key.port), TryOutcome::kOk);
    fixture.now += milliseconds(1);
  }
  return out;
}

TEST_CASE("PeakEwmaTurnsToWhoAnswersSoonerAndForgets") {
  ClusterFixture fixture(5);
  fixture.serve(weighted_cluster(LoadBalancing::kPeakEwma, {1, 1, 1}));
  const std::map<std::uint16_t, microseconds> slow_one{
      {1, microseconds(50'000)}, {2, microseconds(500)}, {3, microseconds(500)}};
  serve_with_latencies(fixture, 20, slow_one);
  CHECK(serve_with_latencies(fixture, 500, slow_one)[1] == 0);  // the slower of any two that contain it
  // A minute later its average has faded below what the others show anew, and it is tried again.
  fixture.now += milliseconds(60'000);
  const std::map<std::uint16_t, microseconds> all_fast{
      {1, microseconds(500)}, {2, microseconds(500)}, {3, microseconds(500)}};
  CHECK(serve_with_latencies(fixture, 3000, all_fast)[1] > 500);
}

TEST_CASE("PeakEwmaWeighsLatencyByLoad") {
  ClusterFixture fixture(6);
  fixture.serve(weighted_cluster(LoadBalancing::kPeakEwma, {1, 1}));
  serve_with_latencies(fixture, 50, {{1, microseconds(3000)}, {2, microseconds(1000)}});
  std::map<std::uint16_t, std::uint32_t> active;
  for (int i = 0; i < 400; ++i) {
    const EndpointRef picked = fixture.pick();
    picked->begin_exchange();
    active[picked->key.port] = picked->num_active;
  }
  CHECK(std::abs(active[2] / static_cast<double>(active[1]) - 3) < 0.3);
}

TEST_CASE("PeakEwmaTakesAFailureForASlowAnswerAndProbesANewEndpointOnce") {
  ClusterFixture fixture(7);
  fixture.serve(weighted_cluster(LoadBalancing::kPeakEwma, {1, 1}));
  const EndpointRef failing = fixture.pick();
  fixture.states.note_duration(*failing, microseconds(20), TryOutcome::kGatewayFailure);
  const EndpointRef other = fixture.pick({.avoid = failing.get()});
  fixture.states.note_duration(*other, microseconds(20'000), TryOutcome::kOk);
  for (int i = 0; i < 50; ++i) CHECK(fixture.pick().get() == other.get());
  fixture.serve(weighted_cluster(LoadBalancing::kPeakEwma, {1, 1, 1}));
  fixture.set_available(failing->key.port, Availability::kUnavailable);
  std::size_t num_probes = 0;
  for (int i = 0; i < 50; ++i) {
    const EndpointRef picked = fixture.pick();
    num_probes += picked->key.port == 3 ? 1 : 0;
    picked->begin_exchange();
  }
  CHECK(num_probes == 1);
}

TEST_CASE("OnlyPeakEwmaWantsToHearOfDurations") {
  for (const LoadBalancing policy : kAll) {
    ClusterFixture fixture;
    fixture.serve(weighted_cluster(policy, {1, 1}));
    CHECK(fixture.pick()->is_measured == (policy == LoadBalancing::kPeakEwma));
  }
}

}  // namespace
}  // namespace ingress::upstream
