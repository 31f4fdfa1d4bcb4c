// Large structures go a few nodes at a time, each once.
#include "base/reclaimer.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>

#include "base/persistent_map.h"

namespace ingress::base {
namespace {

struct Entry {
  explicit Entry(std::string name_in) : name(std::move(name_in)) { ++num_alive; }
  ~Entry() { --num_alive; }
  std::string_view key() const { return name; }
  static void destroy(const Entry* entry) { delete entry; }
  mutable std::atomic<std::uint32_t> refs{0};
  std::string name;
  static inline std::atomic<int> num_alive{0};
};
using Map = PersistentMap<Entry>;

Map make_map(int size) {
  Map::Builder builder;
  for (int i = 0; i < size; ++i) builder.put(CountedPtr<const Entry>(new Entry("e" + std::to_string(i))));
  return builder.take();
}

TEST_CASE("FreesAtMostSoManyNodesAtATime") {
  Reclaimer reclaimer;
  Map map = make_map(20'000);
  REQUIRE(Entry::num_alive == 20'000);
  reclaimer.collect([&] { map = Map(); });
  CHECK(Entry::num_alive == 20'000);
  CHECK_FALSE(reclaimer.is_empty());
  int before = Entry::num_alive;
  int rounds = 0;
  while (reclaimer.free_some(100)) {
    CHECK(before - Entry::num_alive <= 100);
    before = Entry::num_alive;
    ++rounds;
  }
  CHECK(Entry::num_alive == 0);
  CHECK(rounds >= 200);
  CHECK(reclaimer.is_empty());
}

TEST_CASE("WhatSomebodyElseHoldsStays") {
  Reclaimer reclaimer;
  Map map = make_map(1'000);
  const Map other = map.without("e7");
  reclaimer.collect([&] { map = Map(); });
  while (reclaimer.free_some(10)) {
  }
  CHECK(Entry::num_alive == 999);
  CHECK(other.find("e7") == nullptr);
  for (int i = 0; i < 1'000; ++i) CHECK((i == 7 || other.find("e" + std::to_string(i)) != nullptr));
}

TEST_CASE("ItsEndFreesTheRest") {
  {
    Reclaimer reclaimer;
    Map map = make_map(5'000);
    reclaimer.collect([&] { map = Map(); });
    reclaimer.free_some(10);
  }
  CHECK(Entry::num_alive == 0);
}

TEST_CASE("OutsideOfItNodesGoAtOnce") {
  Reclaimer reclaimer;
  reclaimer.collect([] {});
  Map map = make_map(1'000);
  map = Map();
  CHECK(Entry::num_alive == 0);
  CHECK(reclaimer.is_empty());
}

TEST_CASE("SeveralThreadsMayCollectAndFree") {
  Reclaimer reclaimer;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        Map map = make_map(300);
        reclaimer.collect([&] { map = Map(); });
        reclaimer.free_some(100);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  while (reclaimer.free_some(1'000)) {
  }
  CHECK(Entry::num_alive == 0);
}

}  // namespace
}  // namespace ingress::base
