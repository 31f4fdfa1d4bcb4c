#include "bench/proxy/histogram.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

namespace bench {

TEST_CASE("NothingRecordedHasNoPercentile") {
  const Histogram histogram;
  CHECK(histogram.percentile(0.99) == 0);
  CHECK(histogram.total() == 0);
}

TEST_CASE("PercentilesAreAtMostASixtyFourthTooHigh") {
  Histogram histogram;
  for (std::uint64_t ns = 1; ns <= 1'000'000; ++ns) histogram.record(ns);
  for (const double share : {0.001, 0.5, 0.9, 0.99, 0.999}) {
    CAPTURE(share);
    const double exact = share * 1'000'000;
    const auto found = static_cast<double>(histogram.percentile(share));
    CHECK(found >= exact);
    CHECK(found <= exact * (1 + 1.0 / 64));
  }
}

TEST_CASE("OneSlowRequestInAThousandShowsOnlyBeyondP999") {
  Histogram histogram;
  for (int i = 0; i < 999; ++i) histogram.record(1000);
  histogram.record(5'000'000);
  CHECK(histogram.percentile(0.999) < 1017);
  CHECK(histogram.percentile(0.9991) == 5'000'000);
  CHECK(histogram.max() == 5'000'000);
}

TEST_CASE("EveryPowerOfTwoIsFoundAgain") {
  for (unsigned bit = 0; bit < 40; ++bit) {
    for (const std::uint64_t ns : {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit}) {
      CAPTURE(ns);
      Histogram histogram;
      histogram.record(ns);
      histogram.record(~std::uint64_t{0} >> 1);  // so that the maximum does not hide the end of the bucket
      const std::uint64_t found = histogram.percentile(0.5);
      CHECK(found >= ns);
      CHECK(found <= ns + ns / 64);
    }
  }
}

}  // namespace bench
