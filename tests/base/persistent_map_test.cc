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
  std::uint64_t operator()(std::string_view text) const { return TableHash{}(text) & 0x300000000000001f; }
};

struct Item {
  Item(std::string k, int v) : name(std::move(k)), value(v) {}
  std::string_view key() const { return name; }
  static void destroy(const Item* item) { delete item; }
  mutable std::atomic<std::uint32_t> refs{0};
  std::string name;
  int value;
};
using ItemPtr = CountedPtr<const Item>;

ItemPtr item(std::string key, int value) {
  return ItemPtr(new Item(std::move(key), value));
}
std::string key_of(int i) {
  return "host-" + std::to_string(i) + ".example.com";
}

template <class Map>
std::map<std::string, int> content(const Map& map) {
  std::map<std::string, int> out;
  map.for_each([&](const Item& each) { CHECK(out.emplace(each.name, each.value).second); });
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
  Map::diff(before, after, [&](const Item* old_item, const Item* new_item) {
    ++num_visits;
    REQUIRE((old_item || new_item));
    CHECK(old_item != new_item);
    const std::string& key = (old_item ? old_item : new_item)->name;
    if (old_item && new_item) CHECK(old_item->name == new_item->name);
    const auto found = old_content.find(key);
    CHECK((old_item != nullptr) == (found != old_content.end()));
    if (old_item) CHECK(old_item->value == found->second);
    if (new_item) {
      patched[key] = new_item->value;
    } else {
      patched.erase(key);
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
      map = map.with(item(key, i));
    } else {
      model.erase(key);
      map = map.without(key);
    }
    REQUIRE(map.size() == model.size());
    const Item* found = map.find(key);
    REQUIRE((found != nullptr) == model.contains(key));
    if (i % (num_edits / 20) == 0) history.emplace_back(map, model);
  }
  for (std::size_t i = 0; i < history.size(); ++i) {
    CHECK(content(history[i].first) == history[i].second);
    for (int k = 0; k < num_keys; ++k) {
      const Item* found = history[i].first.find(key_of(k));
      const auto expected = history[i].second.find(key_of(k));
      REQUIRE((found != nullptr) == (expected != history[i].second.end()));
      if (found) CHECK(found->value == expected->second);
    }
    check_diff(history[i / 2].first, history[i].first);
    check_diff(history[i].first, history[0].first);
  }
}

}  // namespace

TEST_CASE("MapIsEmptyAtFirst") {
  const PersistentMap<Item> map;
  CHECK(map.is_empty());
  CHECK(map.find("a") == nullptr);
  CHECK(map.without("a").is_empty());
  CHECK(map.with(item("a", 1)).without("a").is_empty());
}

TEST_CASE("MapAgreesWithStdMap") {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    check_against_model<PersistentMap<Item>>(seed, 12, 400);
    check_against_model<PersistentMap<Item>>(seed, 900, 6000);
  }
}

TEST_CASE("MapSurvivesHashCollisions") {
  check_against_model<PersistentMap<Item, SameHash>>(1, 12, 400);
  check_against_model<PersistentMap<Item, SameHash>>(2, 60, 1500);
  check_against_model<PersistentMap<Item, NarrowHash>>(3, 1500, 4000);
}

TEST_CASE("MapKeysAreWholeTexts") {
  using namespace std::string_literals;
  PersistentMap<Item> map;
  map = map.with(item("", 1)).with(item("a\0b"s, 2)).with(item("a", 3));
  CHECK(map.find("")->value == 1);
  CHECK(map.find("a\0b"s)->value == 2);
  CHECK(map.find("a")->value == 3);
  CHECK(map.find("a\0"s) == nullptr);
}

TEST_CASE("MapVersionIsKeptWhenNothingChanges") {
  const ItemPtr one = item("a", 1);
  const auto map = PersistentMap<Item>().with(one);
  CHECK(map.with(one).is_same(map));
  CHECK(map.without("b").is_same(map));
  CHECK_FALSE(map.with(item("a", 1)).is_same(map));
  CHECK(map.find("a") == one.get());
}

TEST_CASE("MapChangeCopiesOnePathOnly") {
  PersistentMap<Item>::Builder builder;
  constexpr int kNumKeys = 100'000;
  for (int i = 0; i < kNumKeys; ++i) builder.put(item(key_of(i), i));
  const auto before = builder.take();
  REQUIRE(before.size() == kNumKeys);
  const auto old_nodes = nodes(before);
  CHECK(old_nodes.size() > 4096);
  for (const auto& after :
       {before.with(item(key_of(77), -1)), before.with(item("new", -1)), before.without(key_of(78))}) {
    std::size_t num_new = 0;
    for (const void* node : nodes(after)) num_new += !old_nodes.contains(node);
    CHECK(num_new <= 6);  // depth, and a split leaf at most
    std::size_t num_changes = 0;
    PersistentMap<Item>::diff(before, after, [&](const Item*, const Item*) { ++num_changes; });
    CHECK(num_changes == 1);
  }
  CHECK(before.find(key_of(77))->value == 77);
  CHECK(before.find(key_of(78))->value == 78);
}

TEST_CASE("MapStructureFollowsFromContentAlone") {
  // Up to 3000 entries and down to 40, against the same 40 entered alone.
  std::vector<ItemPtr> values;
  for (int i = 0; i < 3000; ++i) values.push_back(item(key_of(i), i));
  PersistentMap<Item> grown;
  for (int i = 0; i < 3000; ++i) grown = grown.with(values[static_cast<std::size_t>(i)]);
  PersistentMap<Item>::Builder all;
  for (int i = 2999; i >= 0; --i) all.put(values[static_cast<std::size_t>(i)]);
  CHECK(num_nodes(grown) == num_nodes(all.take()));
  for (int i = 40; i < 3000; ++i) grown = grown.without(key_of(i));
  PersistentMap<Item>::Builder few;
  for (int i = 39; i >= 0; --i) few.put(values[static_cast<std::size_t>(i)]);
  const auto alone = few.take();
  CHECK(num_nodes(grown) == num_nodes(alone));
  std::vector<std::string> order_a;
  std::vector<std::string> order_b;
  grown.for_each([&](const Item& each) { order_a.push_back(each.name); });
  alone.for_each([&](const Item& each) { order_b.push_back(each.name); });
  CHECK(order_a == order_b);
  PersistentMap<Item>::diff(grown, alone, [](const Item*, const Item*) { FAIL("equal"); });
}

TEST_CASE("MapBuilderNeverChangesWhatItHandedOut") {
  PersistentMap<Item>::Builder builder;
  for (int i = 0; i < 500; ++i) builder.put(item(key_of(i), i));
  const auto first = builder.take();
  const auto first_content = content(first);
  for (int i = 0; i < 500; i += 2) builder.erase(key_of(i));
  for (int i = 1; i < 500; i += 2) builder.put(item(key_of(i), -i));
  const auto second = builder.take();
  builder.put(item("late", 0));
  CHECK(content(first) == first_content);
  CHECK(second.size() == 250);
  CHECK(second.find(key_of(1))->value == -1);
  CHECK(second.find("late") == nullptr);
  CHECK(builder.find("late")->value == 0);
  CHECK(builder.size() == 251);
}

TEST_CASE("MapVersionsMayBeReadAndDroppedByManyThreads") {
  PersistentMap<Item>::Builder builder;
  for (int i = 0; i < 2000; ++i) builder.put(item(key_of(i), i));
  const auto base = builder.take();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([base, t] {
      auto mine = base;
      for (int i = 0; i < 500; ++i) {
        const int k = (i * 7 + t) % 2000;
        mine = i % 3 ? mine.with(item(key_of(k), -t)) : mine.without(key_of(k));
        if (base.find(key_of(i)) == nullptr) return;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(content(base).size() == 2000);
}
