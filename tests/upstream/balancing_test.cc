// Shares and choices: exact in the long run, smooth in the short run.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>

#include "upstream/balancer.h"
#include "upstream/endpoint_state.h"
#include "upstream/weighted_split.h"

namespace ingress::upstream {
namespace {

std::vector<std::unique_ptr<EndpointState>> make_endpoints(std::size_t count) {
  std::vector<std::unique_ptr<EndpointState>> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(std::make_unique<EndpointState>(Endpoint{"10.0.0.1", static_cast<std::uint16_t>(i + 1)}));
  }
  return out;
}

std::vector<EndpointState*> pointers(const std::vector<std::unique_ptr<EndpointState>>& owned) {
  std::vector<EndpointState*> out;
  for (const auto& endpoint : owned) out.push_back(endpoint.get());
  return out;
}

TEST_CASE("RoundRobinVisitsAllInTurnAndAvoidsTheOneThatFailed") {
  const auto owned = make_endpoints(3);
  const auto endpoints = pointers(owned);
  Random random(1);
  std::uint64_t turn = 0;
  for (std::size_t i = 0; i < 9; ++i) {
    CHECK(pick_endpoint(LoadBalancing::kRoundRobin, endpoints, nullptr, turn, random) == i % 3);
  }
  for (int i = 0; i < 30; ++i) {
    CHECK(pick_endpoint(LoadBalancing::kRoundRobin, endpoints, endpoints[1], turn, random) != 1U);
  }
  CHECK(!pick_endpoint(LoadBalancing::kRoundRobin, {}, nullptr, turn, random));
}

TEST_CASE("AnOnlyEndpointIsUsedEvenWhenItFailed") {
  const auto owned = make_endpoints(1);
  const auto endpoints = pointers(owned);
  Random random(1);
  std::uint64_t turn = 0;
  for (const LoadBalancing policy : {LoadBalancing::kRoundRobin, LoadBalancing::kLeastRequest}) {
    CHECK(pick_endpoint(policy, endpoints, endpoints[0], turn, random) == 0U);
  }
}

TEST_CASE("LeastRequestEvensOutLoadThatNobodyGivesBack") {
  const auto owned = make_endpoints(8);
  const auto endpoints = pointers(owned);
  Random random(42);
  std::uint64_t turn = 0;
  for (int i = 0; i < 8000; ++i) {
    ++endpoints[*pick_endpoint(LoadBalancing::kLeastRequest, endpoints, nullptr, turn, random)]->num_active;
  }
  // Two choices keep the largest load within log log n of the mean; one choice would be off by about 80.
  for (const EndpointState* endpoint : endpoints) {
    CHECK(endpoint->num_active > 990);
    CHECK(endpoint->num_active < 1010);
  }
}

TEST_CASE("LeastRequestNeverPicksTheBusiestOfAll") {
  const auto owned = make_endpoints(4);
  const auto endpoints = pointers(owned);
  endpoints[2]->num_active = 5;
  Random random(9);
  std::uint64_t turn = 0;
  for (int i = 0; i < 1000; ++i) {
    CHECK(pick_endpoint(LoadBalancing::kLeastRequest, endpoints, nullptr, turn, random) != 2U);
  }
}

TEST_CASE("ASplitKeepsItsSharesFromTheFirstPicksOn") {
  struct Row {
    std::vector<std::uint64_t> weights;
  };
  for (const Row& row : {Row{{95, 5}}, Row{{1, 1}}, Row{{1, 2, 7}}, Row{{1'000'000, 1}}, Row{{3, 0, 3}}}) {
    std::vector<std::uint64_t> ends;
    std::uint64_t total = 0;
    for (const std::uint64_t weight : row.weights) ends.push_back(total += weight);
    CAPTURE(total);
    for (std::uint64_t start = 0; start < 20; ++start) {
      SplitSequence sequence(start * 0x123456789ABCDEFULL);
      std::vector<double> picks(ends.size());
      for (int pick = 1; pick <= 2000; ++pick) {
        const std::uint64_t point = sequence.next(total);
        REQUIRE(point < total);
        ++picks[static_cast<std::size_t>(std::ranges::upper_bound(ends, point) - ends.begin())];
        for (std::size_t i = 0; i < ends.size(); ++i) {
          const double share = static_cast<double>(row.weights[i]) / static_cast<double>(total);
          // Golden ratio points: the discrepancy of any stretch grows with its logarithm only.
          REQUIRE(std::abs(picks[i] - share * pick) < 5);
        }
      }
      for (std::size_t i = 0; i < ends.size(); ++i) CHECK((row.weights[i] > 0 || picks[i] == 0));
    }
  }
}

}  // namespace
}  // namespace ingress::upstream
