// Which results make an endpoint an outlier, and for how long.
#include "upstream/outlier_detector.h"

#include <doctest/doctest.h>

#include <string>

namespace ingress::upstream {
namespace {

using std::chrono::milliseconds;

TEST_CASE("StatusesFrom500OnAreFailuresAndThreeOfThemOfAGateway") {
  for (const std::uint16_t status : {200, 304, 404, 429, 499}) CHECK(to_outcome(status) == TryOutcome::kOk);
  for (const std::uint16_t status : {500, 501, 505, 599})
    CHECK(to_outcome(status) == TryOutcome::kServerError);
  for (const std::uint16_t status : {502, 503, 504}) CHECK(to_outcome(status) == TryOutcome::kGatewayFailure);
}

// Each letter is an outcome: o = ok, s = server error, g = gateway failure. The result has a letter where an
// ejection is asked for: 5 or g, else a dot.
std::string run(std::string_view outcomes, const OutlierDetection& settings) {
  OutlierCounts counts;
  std::string result;
  for (const char letter : outcomes) {
    const TryOutcome outcome = letter == 'o'   ? TryOutcome::kOk
                               : letter == 's' ? TryOutcome::kServerError
                                               : TryOutcome::kGatewayFailure;
    const auto reason = note_outcome(counts, outcome, settings);
    result += !reason ? '.' : *reason == EjectionReason::kConsecutive5xx ? '5' : 'g';
  }
  return result;
}

TEST_CASE("SoManyFailuresInARowAndNoneInBetween") {
  struct Row {
    std::uint32_t max_5xx, max_gateway;
    const char* outcomes;
    const char* expected;
  };
  for (const Row& row : {
           Row{3, 0, "sss", "..5"},
           Row{3, 0, "sgs", "..5"},
           Row{3, 0, "ssossoss", "........"},
           Row{3, 0, "ssssss", "..5..5"},  // the row starts anew
           Row{1, 0, "oso", ".5."},
           Row{0, 0, "ssssssss", "........"},
           Row{0, 2, "gsgsgg", ".....g"},  // a server error ends a row of gateway failures
           Row{0, 2, "ggogg", ".g..g"},
           Row{3, 2, "gggs", ".g5."},
           Row{5, 0, "ggggg", "....5"},
       }) {
    CAPTURE(row.outcomes);
    CHECK(run(row.outcomes, {.consecutive_5xx = row.max_5xx,
                             .consecutive_gateway_failure = row.max_gateway}) == row.expected);
  }
}

TEST_CASE("EveryResultIsCounted") {
  OutlierCounts counts;
  for (const TryOutcome outcome :
       {TryOutcome::kOk, TryOutcome::kServerError, TryOutcome::kGatewayFailure, TryOutcome::kOk})
    note_outcome(counts, outcome, {});
  CHECK(counts.num_requests == 4);
  CHECK(counts.num_ok == 2);
}

TEST_CASE("ASuccessRateFarBelowTheOthersIsFound") {
  const OutlierDetection settings{.success_rate_minimum_hosts = 4, .success_rate_request_volume = 100};
  using Rates = std::vector<SuccessRate>;
  using Indexes = std::vector<std::size_t>;
  const Rates one_bad = {{100, 100}, {100, 99}, {100, 50}, {100, 100}, {100, 100}, {200, 200}};
  CHECK(find_outliers(one_bad, settings) == Indexes{2});
  CHECK(find_outliers(Rates(5, {100, 100}), settings).empty());
  CHECK(find_outliers(Rates(5, {100, 0}), settings).empty());  // all alike: none is worse than the others
  // Too few had enough requests to be compared.
  CHECK(find_outliers(Rates{{100, 100}, {100, 100}, {100, 0}, {99, 99}, {0, 0}}, settings).empty());
  // Who had too few is neither compared nor ejected.
  CHECK(find_outliers(Rates{{100, 100}, {100, 100}, {100, 100}, {100, 100}, {10, 0}}, settings).empty());
  OutlierDetection other = settings;
  other.success_rate_minimum_hosts = 0;
  CHECK(find_outliers(one_bad, other).empty());
  other = settings;
  other.success_rate_stdev_factor = 10'000;
  CHECK(find_outliers(one_bad, other).empty());
}

TEST_CASE("AShareOfTheEndpointsMayBeEjectedAndOneAlwaysUnlessItIsNone") {
  const auto may = [](std::size_t num_endpoints, std::size_t num_ejected, std::uint32_t percent) {
    return may_eject(num_endpoints, num_ejected, {.max_ejection_percent = percent});
  };
  CHECK(may(5, 0, 10));
  CHECK(!may(5, 1, 10));
  CHECK(may(20, 1, 10));
  CHECK(!may(20, 2, 10));
  CHECK(may(4, 3, 100));
  CHECK(!may(4, 0, 0));
}

TEST_CASE("EjectionsInARowGrowUpToALimit") {
  const OutlierDetection settings{.base_ejection_time = milliseconds(100),
                                  .max_ejection_time = milliseconds(250)};
  CHECK(ejection_time(1, settings) == milliseconds(100));
  CHECK(ejection_time(2, settings) == milliseconds(200));
  CHECK(ejection_time(3, settings) == milliseconds(250));
  CHECK(ejection_time(4'000'000'000U, settings) == milliseconds(250));
  // A limit below the base does not shorten it.
  CHECK(ejection_time(2, {.base_ejection_time = milliseconds(100), .max_ejection_time = milliseconds(1)}) ==
        milliseconds(100));
}

}  // namespace
}  // namespace ingress::upstream
