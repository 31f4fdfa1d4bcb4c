#include "base/persistent_vector.h"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

using namespace ingress::base;

namespace {

using Vector = PersistentVector<int>;
using Model = std::vector<int>;  // 0 = unset

std::shared_ptr<const int> value(int v) {
  return std::make_shared<const int>(v);
}

Model content(const Vector& vector) {
  Model out(vector.size());
  std::size_t next = 0;
  vector.for_each([&](std::size_t index, const int& v) {
    CHECK(index >= next);
    next = index + 1;
    out.at(index) = v;
  });
  return out;
}

std::set<const void*> nodes(const Vector& vector) {
  std::set<const void*> out;
  vector.for_each_node([&](const void* node, std::size_t) { out.insert(node); });
  return out;
}

void check_diff(const Vector& before, const Vector& after) {
  Model patched = content(before);
  patched.resize(std::max(before.size(), after.size()));
  std::size_t next = 0;
  Vector::diff(before, after, [&](std::size_t index, const int* old_value, const int* new_value) {
    CHECK(index >= next);
    next = index + 1;
    CHECK(old_value == before.at(index));
    CHECK(new_value == after.at(index));
    patched.at(index) = new_value ? *new_value : 0;
  });
  Model expected = content(after);
  expected.resize(patched.size());
  CHECK(patched == expected);
}

}  // namespace

TEST_CASE("VectorIsEmptyAtFirst") {
  const Vector vector;
  CHECK(vector.size() == 0);
  CHECK(vector.at(0) == nullptr);
  CHECK(vector.at(~std::size_t{0}) == nullptr);
}

TEST_CASE("VectorGrowsToTheSlotThatIsSet") {
  for (const std::size_t index : {0u, 63u, 64u, 4095u, 4096u, 262143u, 262144u, 1u << 30}) {
    CAPTURE(index);
    const Vector vector = Vector().with(3, value(3)).with(index, value(7));
    CHECK(vector.size() == std::max<std::size_t>(index, 3) + 1);
    CHECK(*vector.at(index) == 7);
    CHECK(*vector.at(3) == 3);
    CHECK(vector.at(index + 1) == nullptr);
    CHECK(vector.at(2) == nullptr);
    CHECK(nodes(vector).size() <= 11);
    const Vector only_null = Vector().with(index, nullptr);
    CHECK(only_null.size() == index + 1);
    CHECK(only_null.at(index) == nullptr);
    CHECK(nodes(only_null).empty());
    if (index < 1'000'000) check_diff(Vector(), vector.with(3, nullptr));  // the model is dense
  }
}

TEST_CASE("VectorAgreesWithStdVector") {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    Vector vector;
    Model model;
    std::vector<std::pair<Vector, Model>> history;
    for (int i = 1; i <= 3000; ++i) {
      const std::size_t index = random() % (static_cast<unsigned>(i) * 3);
      const bool is_set = random() % 4 != 0;
      if (index >= model.size()) model.resize(index + 1);
      model[index] = is_set ? i : 0;
      vector = vector.with(index, is_set ? value(i) : nullptr);
      if (i % 150 == 0) history.emplace_back(vector, model);
    }
    for (std::size_t i = 0; i < history.size(); ++i) {
      CHECK(content(history[i].first) == history[i].second);
      check_diff(history[i / 2].first, history[i].first);
      check_diff(history[i].first, history[0].first);
    }
  }
}

TEST_CASE("VectorChangeCopiesOnePathOnly") {
  Vector::Builder builder;
  for (std::size_t i = 0; i < 100'000; ++i) builder.set(i, value(static_cast<int>(i)));
  const Vector before = builder.take();
  const auto old_nodes = nodes(before);
  const Vector after = before.with(777, value(-1));
  std::size_t num_new = 0;
  for (const void* node : nodes(after)) num_new += !old_nodes.contains(node);
  CHECK(num_new == 3);
  CHECK(*before.at(777) == 777);
  std::size_t num_changes = 0;
  Vector::diff(before, after, [&](std::size_t index, const int* old_value, const int* new_value) {
    ++num_changes;
    CHECK(index == 777);
    CHECK(*old_value == 777);
    CHECK(*new_value == -1);
  });
  CHECK(num_changes == 1);
}

TEST_CASE("VectorVersionIsKeptWhenNothingChanges") {
  const auto one = value(1);
  const Vector vector = Vector().with(5, one);
  CHECK(vector.with(5, one).is_same(vector));
  CHECK(vector.with(4, nullptr).is_same(vector));
  CHECK_FALSE(vector.with(6, nullptr).is_same(vector));
  CHECK(vector.share(5) == one);
}

TEST_CASE("VectorBuilderNeverChangesWhatItHandedOut") {
  Vector::Builder builder;
  for (std::size_t i = 0; i < 300; ++i) builder.set(i, value(1));
  const Vector first = builder.take();
  for (std::size_t i = 0; i < 5000; ++i) builder.set(i, value(2));
  const Vector second = builder.take();
  builder.set(0, nullptr);
  CHECK(content(first) == Model(300, 1));
  CHECK(content(second) == Model(5000, 2));
  CHECK(builder.at(0) == nullptr);
}
