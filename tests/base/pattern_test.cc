#include "base/pattern.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace ingress::base;

namespace {

std::vector<int> found(PatternSet& set, std::string_view text) {
  std::vector<int> indexes;
  set.match(text, indexes);
  std::ranges::sort(indexes);
  return indexes;
}

}  // namespace

TEST_CASE("PatternMatchesWholeTextsByteByByte") {
  struct Row {
    std::string_view pattern, text;
    bool matches;
  };
  for (const Row row : {Row{"/a", "/a", true},
                        {"/a", "/ab", false},
                        {"/a", "b/a", false},
                        {"/a.*", "/ab", true},
                        {"", "", true},
                        {"", "a", false},
                        {"a|b", "b", true},
                        {"a|b", "ab", false},
                        {"A", "a", false},
                        {"(?i)A", "a", true},
                        {".", "\xc3", true},
                        {".*", "\xc3\xa9\xff", true},
                        {"\\d{2,3}", "12", true},
                        {"\\d{2,3}", "1234", false}}) {
    CAPTURE(row.pattern);
    CAPTURE(row.text);
    CHECK(pattern_fault(row.pattern).empty());
    const auto pattern = Pattern::compile(row.pattern);
    REQUIRE(pattern != nullptr);
    CHECK(pattern->matches(row.text) == row.matches);
  }
}

TEST_CASE("PatternThatIsNoneOrTooLargeIsRefusedWithAReason") {
  struct Row {
    std::string pattern;
    std::string_view reason;
  };
  for (const Row& row : {Row{"(", "missing"}, Row{"a**", "repetition"}, Row{"(?P<n>a)(?P=n)", "invalid"},
                         Row{"(?=a)", "invalid"}, Row{std::string(1025, 'a'), "1025 bytes"},
                         Row{"((a{1,100}){1,100}){1,100}", "repetition"},
                         Row{"[a-z]{900}[0-9]{900}[A-Z]{900}", "instructions"}}) {
    CAPTURE(row.pattern);
    const std::string fault = pattern_fault(row.pattern);
    CAPTURE(fault);
    CHECK(fault.find(row.reason) != std::string::npos);
    CHECK(Pattern::compile(row.pattern) == nullptr);
  }
}

TEST_CASE("PatternSetFindsAllThatMatch") {
  const std::vector<std::string_view> patterns = {"/a.*", "(", "/ab", ".*b", "/c", ""};
  PatternSet set(patterns);
  CHECK(set.num_parts() == 1);
  CHECK(found(set, "/ab") == std::vector{0, 2, 3});
  CHECK(found(set, "/c") == std::vector{4});
  CHECK(found(set, "/cd").empty());
  CHECK(found(set, "") == std::vector{5});
  PatternSet empty({});
  CHECK(found(empty, "/a").empty());
}

namespace {

std::vector<std::string> numbered_patterns(int count, int repeats) {
  std::vector<std::string> texts;
  for (int i = 0; i < count; ++i) {
    texts.push_back("/.*" + std::to_string(i) + ".*[a-f]{" + std::to_string(repeats) + "}x?");
  }
  return texts;
}

// Asks twice: what was divided for the first answer stays so.
void check_numbered_patterns(PatternSet& set, std::size_t repeats) {
  std::size_t num_parts = 0;
  for (int i = 0; i < 2; ++i) {
    CHECK(found(set, "/7" + std::string(repeats, 'c')) == std::vector{7});
    CHECK(found(set, "/251" + std::string(repeats, 'c') + "x") == std::vector{1, 2, 5, 25, 51, 251});
    CHECK(found(set, "/x").empty());
    if (i == 1) CHECK(set.num_parts() == num_parts);
    num_parts = set.num_parts();
    CHECK(num_parts > 1);
    CHECK(num_parts < 300);
  }
}

}  // namespace

TEST_CASE("PatternSetIsDividedWhereItsProgramIsTooLarge") {
  const std::vector<std::string> texts = numbered_patterns(300, 900);
  PatternSet set(std::vector<std::string_view>(texts.begin(), texts.end()));
  CHECK(set.num_parts() > 1);
  check_numbered_patterns(set, 900);
}

// Each of these needs a state for each of the last dozen bytes: states are dropped and found again.
TEST_CASE("PatternSetAnswersWhereStatesDoNotLast") {
  std::vector<std::string> texts;
  for (int i = 0; i < 40; ++i) texts.push_back(".*a.{" + std::to_string(i + 10) + "}b");
  PatternSet set(std::vector<std::string_view>(texts.begin(), texts.end()));
  std::string text;
  std::uint32_t state = 1;
  for (int i = 0; i < 20'000; ++i) text += (state = state * 1'103'515'245 + 12'345) >> 31 ? 'a' : 'b';
  text += 'b';
  std::vector<int> expected;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (text[text.size() - 2 - (i + 10)] == 'a') expected.push_back(static_cast<int>(i));
  }
  CHECK(found(set, text) == expected);
}
