// Which endpoint of a cluster is chosen.
#include <doctest/doctest.h>

#include <memory>

#include "upstream/balancer.h"
#include "upstream/endpoint_state.h"

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

}  // namespace
}  // namespace ingress::upstream
