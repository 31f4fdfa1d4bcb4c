#include "base/table_hash.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <vector>

using namespace ingress::base;

namespace {

constexpr TableHashKey kKey{0x0123456789abcdefu, 0xfedcba9876543210u, 0x0f1e2d3c4b5a6978u};

}  // namespace

TEST_CASE("TableHashReadsEveryByteOfATextOfAnyLength") {
  for (std::size_t size = 0; size <= 70; ++size) {
    std::string text(size, 'a');
    const std::uint64_t before = hash_for_table(kKey, text);
    CHECK(hash_for_table(kKey, text + std::string(1, '\0')) != before);
    for (std::size_t i = 0; i < size; ++i) {
      text[i] = 'b';
      CAPTURE(size);
      CAPTURE(i);
      CHECK(hash_for_table(kKey, text) != before);
      text[i] = 'a';
    }
  }
}

TEST_CASE("TableHashDependsOnEachPartOfItsKey") {
  const std::string text = "app-1.example.com";
  const std::uint64_t value = hash_for_table(kKey, text);
  CHECK(hash_for_table({kKey.start ^ 1, kKey.word, kKey.end}, text) != value);
  CHECK(hash_for_table({kKey.start, kKey.word ^ 1, kKey.end}, text) != value);
  CHECK(hash_for_table({kKey.start, kKey.word, kKey.end ^ 1}, text) != value);
  CHECK(TableHash{}(text) == TableHash{}(text));
}

// What the tables use: the first 12 bits choose the leaf, the last 8 are the tag.
TEST_CASE("TableHashSpreadsNamesThatDifferInADigitOverBothEnds") {
  constexpr int kNumNames = 100'000;
  std::vector<int> by_first(4096);
  std::vector<int> by_last(256);
  std::set<std::uint64_t> values;
  for (int i = 0; i < kNumNames; ++i) {
    const std::uint64_t value = hash_for_table(kKey, "app-" + std::to_string(i) + ".example.com");
    values.insert(value);
    ++by_first[value >> 52];
    ++by_last[value & 255];
  }
  CHECK(values.size() == kNumNames);
  const auto chi_squared = [&](const std::vector<int>& counts) {
    const double expected = static_cast<double>(kNumNames) / static_cast<double>(counts.size());
    double sum = 0;
    for (const int count : counts) sum += (count - expected) * (count - expected) / expected;
    return sum;
  };
  // Within eight standard deviations of what chance gives.
  CHECK(std::abs(chi_squared(by_first) - 4095) < 8 * std::sqrt(2 * 4095.0));
  CHECK(std::abs(chi_squared(by_last) - 255) < 8 * std::sqrt(2 * 255.0));
}
