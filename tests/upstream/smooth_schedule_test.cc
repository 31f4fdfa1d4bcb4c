#include "upstream/smooth_schedule.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace ingress::upstream {
namespace {

std::vector<std::uint64_t> random_weights(Random& random) {
  std::vector<std::uint64_t> out(1 + random.below(40));
  const bool is_wide = random.below(2) == 0;
  for (std::uint64_t& weight : out) weight = random.below(is_wide ? 1'000'001 : 6);
  out[random.below(out.size())] += 1;
  return out;
}

// The largest distance of the turns of an index from its share, counted from the first turn on.
double largest_distance(SmoothSchedule& schedule, const std::vector<std::uint64_t>& weights, int num_turns) {
  const auto total = static_cast<double>(std::accumulate(weights.begin(), weights.end(), std::uint64_t{0}));
  std::vector<double> turns(weights.size());
  double out = 0;
  for (int turn = 1; turn <= num_turns; ++turn) {
    const std::size_t index = schedule.next();
    REQUIRE(weights[index] > 0);
    ++turns[index];
    for (std::size_t i = 0; i < weights.size(); ++i) {
      out = std::max(out, std::abs(turns[i] - static_cast<double>(weights[i]) / total * turn));
    }
  }
  return out;
}

TEST_CASE("AfterAnyNumberOfTurnsEachShareIsOffByLessThanOne") {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const std::vector<std::uint64_t> weights = random_weights(random);
    SmoothSchedule schedule(weights);
    REQUIRE(largest_distance(schedule, weights, 3000) < 1 + 1e-6);
  }
}

TEST_CASE("FromRandomStartsEachShareIsOffByAFewAtMost") {
  Random random(4);
  for (int round = 0; round < 200; ++round) {
    CAPTURE(round);
    const std::vector<std::uint64_t> weights = random_weights(random);
    SmoothSchedule schedule(weights, random);
    REQUIRE(largest_distance(schedule, weights, 3000) < 3);
  }
}

TEST_CASE("AScheduleThatIsMadeAnewForEachTurnStillServesAll") {
  Random random(5);
  const std::vector<std::uint64_t> weights{6, 3, 1};
  double turns[3] = {};
  for (int i = 0; i < 10'000; ++i) ++turns[SmoothSchedule(weights, random).next()];
  for (const double share : turns) CHECK(share > 200);
  CHECK(turns[0] > turns[1]);
  CHECK(turns[1] > turns[2]);
}

TEST_CASE("TheSmallOnesAreSpreadAmongTheTurnsOfTheLargeOne") {
  std::vector<std::uint64_t> weights(11, 1);
  weights[0] = 10;
  SmoothSchedule schedule(weights);
  for (int i = 0; i < 100; ++i) {  // never twice the same in a row, although half of all turns are of one
    const std::size_t first = schedule.next(), second = schedule.next();
    CHECK((first == 0) != (second == 0));
  }
}

TEST_CASE("WeightsOfAllSizesDoNotOverflow") {
  const std::vector<std::uint64_t> weights(65'536, 1'000'000'000);
  SmoothSchedule schedule(weights);
  std::set<std::size_t> seen;
  for (std::size_t i = 0; i < weights.size(); ++i) seen.insert(schedule.next());
  CHECK(seen.size() == weights.size());
}

}  // namespace
}  // namespace ingress::upstream
