#include "base/arena.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

using ingress::base::Arena;

TEST_CASE("CopiesStayWhereTheyAreUntilReset") {
  Arena arena;
  std::vector<std::string> texts;
  std::vector<std::string_view> copies;
  for (std::size_t size = 0; size < 300; ++size) {
    texts.emplace_back(size * 7 % 97, static_cast<char>('a' + size % 26));
    copies.push_back(arena.copy(texts.back()));
  }
  for (std::size_t i = 0; i < texts.size(); ++i) CHECK(copies[i] == texts[i]);
}

TEST_CASE("TakesMoreThanAChunk") {
  Arena arena;
  const std::string_view before = arena.copy("before");
  char* large = arena.take(1 << 20);
  std::memset(large, 'x', 1 << 20);
  CHECK(before == "before");
  CHECK(arena.size_bytes() >= (1u << 20));
  arena.reset();
  CHECK(arena.size_bytes() <= Arena::kMaxKeptBytes);
}

TEST_CASE("SteadyStateKeepsItsChunk") {
  Arena arena;
  std::size_t settled = 0;
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 50; ++i) arena.copy(std::string(100, 'x'));
    if (round == 3) settled = arena.size_bytes();
    arena.reset();
    if (round > 3) CHECK(arena.size_bytes() == settled);
  }
}

TEST_CASE("AnEmptyArenaTakesAndResets") {
  Arena arena;
  arena.reset();
  CHECK(arena.size_bytes() == 0);
  CHECK(arena.copy("").empty());
  CHECK(arena.take(0) != nullptr);
}
