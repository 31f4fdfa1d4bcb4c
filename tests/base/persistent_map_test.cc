#include "base/persistent_map.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace ingress::base;

namespace {

// Everything collides; the first letter alone decides; good: the shapes a trie can take.
struct SameHash {
  std::uint64_t operator()(std::string_view) const { return 42; }
};
struct NarrowHash {
  std::uint64_t operator()(std::string_view text) const { return TextHash{}(text) & 0x300000000000001f; }
};

std::shared_ptr<const int> value(int v) {
  return std::make_shared<const int>(v);
}
std::string key_of(int i) {
  return "host-" + std::to_string(i) + ".example.com";
}

template <class Map>
std::map<std::string, int> content(const Map& map) {
  std::map<std::string, int> out;
  map.for_each([&](std::string_view key, const int& v) { CHECK(out.emplace(key, v).second); });
  return out;
}

template <class Map>
std::set<const void*> nodes(const Map& map) {
  std::set<const void*> out;
  map.for_each_node([&](const void* node, std::size_t) { out.insert(node); });
  return out;
}

template <class Map>
std::size_t num_nodes(const Map& map) {
  return nodes(map).size();
}

template <class Map>
void check_diff(const Map& before, const Map& after) {
  const auto old_content = content(before);
  const auto new_content = content(after);
  std::map<std::string, int> patched = old_content;
  std::size_t num_visits = 0;
  Map::diff(before, after, [&](std::string_view key, const int* old_value, const int* new_value) {
    ++num_visits;
    REQUIRE((old_value || new_value));
    CHECK(old_value != new_value);
    const auto found = old_content.find(std::string(key));
    CHECK((old_value != nullptr) == (found != old_content.end()));
    if (old_value) CHECK(*old_value == found->second);
    if (new_value) {
      patched[std::string(key)] = *new_value;
    } else {
      patched.erase(std::string(key));
    }
  });
  CHECK(patched == new_content);
  CHECK(num_visits <= old_content.size() + new_content.size());
}

// Random edits against std::map, every old version kept and checked at the end.
template <class Map>
void check_against_model(unsigned seed, int num_keys, int num_edits) {
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::map<std::string, int> model;
  Map map;
  std::vector<std::pair<Map, std::map<std::string, int>>> history;
  for (int i = 0; i < num_edits; ++i) {
    const std::string key = key_of(static_cast<int>(random() % static_cast<unsigned>(num_keys)));
    if (random() % 2) {
      model[key] = i;
      map = map.with(key, value(i));
    } else {
      model.erase(key);
      map = map.without(key);
    }
    REQUIRE(map.size() == model.size());
    const int* found = map.find(key);
    REQUIRE((found != nullptr) == model.contains(key));
    if (i % (num_edits / 20) == 0) history.emplace_back(map, model);
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    CHECK(content(history[i].first) == history[i].second);
    for (int k = 0; k < num_keys; ++k) {
      const int* found = history[i].first.find(key_of(k));
      const auto expected = history[i].second.find(key_of(k));
      REQUIRE((found != nullptr) == (expected != history[i].second.end()));
      if (found) CHECK(*found == expected->second);
    }
    check_diff(history[i / 2].first, history[i].first);
    check_diff(history[i].first, history[0].first);
  }
}

}  // namespace

TEST_CASE("MapIsEmptyAtFirst") {
  const PersistentMap<int> map;
  CHECK(map.is_empty());
  CHECK(map.find("a") == nullptr);
  CHECK(map.without("a").is_empty());
  CHECK(map.with("a", value(1)).without("a").is_empty());
  CHECK(map.share("a") == nullptr);
}

TEST_CASE("MapAgreesWithStdMap") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    check_against_model<PersistentMap<int>>(seed, 12, 400);
    check_against_model<PersistentMap<int>>(seed, 900, 6000);
  }
}

TEST_CASE("MapSurvivesHashCollisions") {
  check_against_model<PersistentMap<int, SameHash>>(1, 12, 400);
  check_against_model<PersistentMap<int, SameHash>>(2, 60, 1500);
  check_against_model<PersistentMap<int, NarrowHash>>(3, 1500, 4000);
}

TEST_CASE("MapKeysAreWholeTexts") {
  using namespace std::string_literals;
  PersistentMap<int> map;
  map = map.with("", value(1)).with("a\0b"s, value(2)).with("a", value(3));
  CHECK(*map.find("") == 1);
  CHECK(*map.find("a\0b"s) == 2);
  CHECK(*map.find("a") == 3);
  CHECK(map.find("a\0"s) == nullptr);
}

TEST_CASE("MapVersionIsKeptWhenNothingChanges") {
  const auto one = value(1);
  const auto map = PersistentMap<int>().with("a", one);
  CHECK(map.with("a", one).is_same(map));
  CHECK(map.without("b").is_same(map));
  CHECK_FALSE(map.with("a", value(1)).is_same(map));
  CHECK(map.share("a") == one);
}

TEST_CASE("MapChangeCopiesOnePathOnly") {
  PersistentMap<int>::Builder builder;
  constexpr int kNumKeys = 100'000;
  for (int i = 0; i < kNumKeys; ++i) builder.put(key_of(i), value(i));
  const auto before = builder.take();
  REQUIRE(before.size() == kNumKeys);
  const auto old_nodes = nodes(before);
  CHECK(old_nodes.size() > 4096);
  for (const auto& after :
       {before.with(key_of(77), value(-1)), before.with("new", value(-1)), before.without(key_of(78))}) {
    std::size_t num_new = 0;
    for (const void* node : nodes(after)) num_new += !old_nodes.contains(node);
    CHECK(num_new <= 6);  // depth, and a split leaf at most
    std::size_t num_changes = 0;
    PersistentMap<int>::diff(before, after, [&](std::string_view, const int*, const int*) { ++num_changes; });
    CHECK(num_changes == 1);
  }
  CHECK(*before.find(key_of(77)) == 77);
  CHECK(*before.find(key_of(78)) == 78);
}

TEST_CASE("MapStructureFollowsFromContentAlone") {
  // Up to 3000 entries and down to 40, against the same 40 entered alone.
  std::vector<std::shared_ptr<const int>> values;
  for (int i = 0; i < 3000; ++i) values.push_back(value(i));
  PersistentMap<int> grown;
  for (int i = 0; i < 3000; ++i) grown = grown.with(key_of(i), values[static_cast<std::size_t>(i)]);
  PersistentMap<int>::Builder all;
  for (int i = 2999; i >= 0; --i) all.put(key_of(i), values[static_cast<std::size_t>(i)]);
  CHECK(num_nodes(grown) == num_nodes(all.take()));
  for (int i = 40; i < 3000; ++i) grown = grown.without(key_of(i));
  PersistentMap<int>::Builder few;
  for (int i = 39; i >= 0; --i) few.put(key_of(i), values[static_cast<std::size_t>(i)]);
  const auto alone = few.take();
  CHECK(num_nodes(grown) == num_nodes(alone));
  std::vector<std::string> order_a;
  std::vector<std::string> order_b;
  grown.for_each([&](std::string_view key, const int&) { order_a.emplace_back(key); });
  alone.for_each([&](std::string_view key, const int&) { order_b.emplace_back(key); });
  CHECK(order_a == order_b);
  PersistentMap<int>::diff(grown, alone, [](std::string_view, const int*, const int*) { FAIL("equal"); });
}

TEST_CASE("MapBuilderNeverChangesWhatItHandedOut") {
  PersistentMap<int>::Builder builder;
  for (int i = 0; i < 500; ++i) builder.put(key_of(i), value(i));
  const auto first = builder.take();
  const auto first_content = content(first);
  for (int i = 0; i < 500; i += 2) builder.erase(key_of(i));
  for (int i = 1; i < 500; i += 2) builder.put(key_of(i), value(-i));
  const auto second = builder.take();
  builder.put("late", value(0));
  CHECK(content(first) == first_content);
  CHECK(second.size() == 250);
  CHECK(*second.find(key_of(1)) == -1);
  CHECK(second.find("late") == nullptr);
  CHECK(*builder.find("late") == 0);
  CHECK(builder.size() == 251);
}

TEST_CASE("MapVersionsMayBeReadAndDroppedByManyThreads") {
  PersistentMap<int>::Builder builder;
  for (int i = 0; i < 2000; ++i) builder.put(key_of(i), value(i));
  const auto base = builder.take();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([base, t] {
      auto mine = base;
      for (int i = 0; i < 500; ++i) {
        const int k = (i * 7 + t) % 2000;
        mine = i % 3 ? mine.with(key_of(k), value(-t)) : mine.without(key_of(k));
        if (base.find(key_of(i)) == nullptr) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(content(base).size() == 2000);
}
