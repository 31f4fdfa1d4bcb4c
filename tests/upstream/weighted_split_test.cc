// Shares of backends: exact in the long run, smooth in the short run.
#include "upstream/weighted_split.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "upstream/cluster_state.h"

namespace ingress::upstream {
namespace {

std::vector<BackendRef> backends_of(const std::vector<std::uint32_t>& weights) {
  std::vector<BackendRef> out;
  for (const std::uint32_t weight : weights) out.push_back({.cluster = "c", .weight = weight, .failure = {}});
  return out;
}

// Of every kind: alike, small, of all magnitudes, a few large ones among small ones, zeros in between.
std::vector<std::uint32_t> random_weights(Random& random) {
  const std::uint64_t kind = random.below(5);
  std::vector<std::uint32_t> out(2 + random.below(random.below(10) == 0 ? 60 : 9));
  for (std::uint32_t& weight : out) {
    const std::uint64_t any = random.below(1'000'001);
    if (kind == 0) weight = static_cast<std::uint32_t>(any);
    if (kind == 1) weight = static_cast<std::uint32_t>(random.below(10));
    if (kind == 2) weight = static_cast<std::uint32_t>(std::pow(10.0, static_cast<double>(any) * 6e-6));
    if (kind == 3) weight = random.below(4) == 0 ? 1'000'000 : static_cast<std::uint32_t>(random.below(5));
    if (kind == 4) weight = 1;
  }
  out[random.below(out.size())] += out[0] < 1'000'000 ? 1 : 0;
  if (std::accumulate(out.begin(), out.end(), std::uint64_t{0}) == 0) out.back() = 1;
  return out;
}

// The largest distance of a share from the exact one, in picks: over any `window` picks in a row, and over
// those from the start.
struct Distance {
  double in_window = 0, from_start = 0;
};

Distance distance_of(const std::vector<std::uint32_t>& weights, const std::vector<std::size_t>& picks,
                     std::size_t window) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  Distance out;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double share = weights[i] / total;
    double in_window = 0, from_start = 0;
    for (std::size_t k = 0; k < picks.size(); ++k) {
      in_window += picks[k] == i ? 1 : 0;
      from_start += picks[k] == i ? 1 : 0;
      if (k >= window) in_window -= picks[k - window] == i ? 1 : 0;
      out.from_start = std::max(out.from_start, std::abs(from_start - share * static_cast<double>(k + 1)));
      if (k + 1 < window) continue;
      out.in_window = std::max(out.in_window, std::abs(in_window - share * static_cast<double>(window)));
    }
  }
  return out;
}

TEST_CASE("AnyTenPicksPerBackendGiveEachItsShareOffByAtMostOne") {
  Random random(7);
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::uint32_t> weights = random_weights(random);
    CAPTURE(round);
    CAPTURE(weights.size());
    WeightedSplit split(backends_of(weights), random);
    std::vector<std::size_t> picks(weights.size() * 10 * 20);
    for (std::size_t& pick : picks) {
      pick = split.next();
      REQUIRE(weights[pick] > 0);
    }
    const Distance distance = distance_of(weights, picks, weights.size() * 10);
    REQUIRE(distance.in_window <= 1 + 1e-6);
    REQUIRE(distance.from_start <= 2 + 1e-6);
  }
}

TEST_CASE("TwoBackendsAreExactFromTheStartToo") {
  Random random(8);
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::uint32_t> weights{static_cast<std::uint32_t>(1 + random.below(1'000'000)),
                                             static_cast<std::uint32_t>(1 + random.below(round + 1))};
    CAPTURE(weights[0]);
    CAPTURE(weights[1]);
    WeightedSplit split(backends_of(weights), random);
    std::vector<std::size_t> picks(2000);
    for (std::size_t& pick : picks) pick = split.next();
    REQUIRE(distance_of(weights, picks, 20).in_window <= 1 + 1e-6);
    // Any stretch: what follows it and what precedes it are both off by less than one.
    REQUIRE(distance_of(weights, picks, 333).in_window < 2);
  }
}

TEST_CASE("TheLongRunIsExact") {
  Random random(9);
  const std::vector<std::uint32_t> weights{1'000'000, 1, 333'333, 0, 7};
  WeightedSplit split(backends_of(weights), random);
  std::vector<std::uint64_t> counts(weights.size());
  constexpr std::uint64_t kPicks = 1'000'000;
  for (std::uint64_t i = 0; i < kPicks; ++i) ++counts[split.next()];
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double exact = weights[i] / 1'333'341.0 * static_cast<double>(kPicks);
    CHECK(std::abs(static_cast<double>(counts[i]) - exact) < 2);
  }
}

TEST_CASE("AWeightOfZeroTakesNothingAndAnOnlyWeightTakesAll") {
  Random random(10);
  WeightedSplit split(backends_of({0, 3, 0}), random);
  for (int i = 0; i < 100; ++i) REQUIRE(split.next() == 1);
}

TEST_CASE("WorkersDoNotPickInStep") {
  std::set<int> firsts;  // which pick is the first to go to the small share
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Random random(seed);
    WeightedSplit split(backends_of({95, 5}), random);
    int first = 0;
    while (split.next() == 0) ++first;
    firsts.insert(first);
  }
  CHECK(firsts.size() > 10);
}

TEST_CASE("EachRuleHasASplitOfItsOwn") {
  ClusterStates states({.seed = 1});
  const auto backends = backends_of({1, 1});
  std::size_t counts[2][2] = {};
  for (int i = 0; i < 100; ++i) {
    for (std::size_t rule : {0, 1}) ++counts[rule][states.pick_backend(rule + 1, backends)];
  }
  for (const auto& rule : counts) {
    CHECK(rule[0] == 50);
    CHECK(rule[1] == 50);
  }
}

TEST_CASE("ManyRulesAreForgottenNotKeptForEver") {
  ClusterStates states({.seed = 1});
  const std::vector<BackendRef> backends = backends_of(std::vector<std::uint32_t>(4096, 1));
  for (std::uint64_t rule = 0; rule < 33; ++rule) {  // 1.35 million turns: beyond what is remembered
    CHECK(states.pick_backend(rule, backends) < backends.size());
  }
  const std::vector<BackendRef> two = backends_of({0, 1});
  for (std::uint64_t rule = 1000; rule < 1010; ++rule) CHECK(states.pick_backend(rule, two) == 1);
}

}  // namespace
}  // namespace ingress::upstream
