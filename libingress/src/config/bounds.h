// The bounds of the field tables, applied to values.
#pragma once

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/fields.h"

namespace ingress::config {

enum class Measure { kNone, kNumber, kMilliseconds, kSeconds, kBytes, kItems, kEnumerator };

// What FieldInfo's min and max count for a member of type M.
template <class M>
constexpr Measure measure_of(const M*) {
  if constexpr (std::is_same_v<M, std::chrono::milliseconds>) {
    return Measure::kMilliseconds;
  } else if constexpr (std::is_same_v<M, std::chrono::seconds>) {
    return Measure::kSeconds;
  } else if constexpr (std::integral<M>) {
    return Measure::kNumber;
  } else if constexpr (std::is_same_v<M, std::string> || std::is_same_v<M, SecretText>) {
    return Measure::kBytes;
  } else if constexpr (std::is_enum_v<M>) {
    return Measure::kEnumerator;
  } else {
    return Measure::kNone;
  }
}
template <class T>
constexpr Measure measure_of(const std::vector<T>*) {
  return Measure::kItems;
}
template <class T>
constexpr Measure measure_of(const std::optional<T>*) {
  return measure_of(static_cast<const T*>(nullptr));
}

template <class M>
std::int64_t measured(const M& value) {
  constexpr Measure kMeasure = measure_of(static_cast<const M*>(nullptr));
  if constexpr (requires { value.has_value(); }) {
    return value.has_value() ? measured(*value) : 0;
  } else if constexpr (kMeasure == Measure::kMilliseconds || kMeasure == Measure::kSeconds) {
    return value.count();
  } else if constexpr (kMeasure == Measure::kNumber) {
    return std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value)
                                              : std::numeric_limits<std::int64_t>::max();
  } else if constexpr (std::is_same_v<M, SecretText>) {
    return static_cast<std::int64_t>(value.text.size());
  } else if constexpr (kMeasure == Measure::kBytes || kMeasure == Measure::kItems) {
    return static_cast<std::int64_t>(value.size());
  } else if constexpr (kMeasure == Measure::kEnumerator) {
    return static_cast<std::int64_t>(value);
  } else {
    return 0;
  }
}

template <class M>
bool is_within_bounds(const FieldInfo& info, const M& value) {
  if constexpr (requires { value.has_value(); }) {
    return !value.has_value() || is_within_bounds(info, *value);
  }
  if constexpr (std::is_enum_v<M>) {  // a program can put any number there
    return std::ranges::any_of(enum_table(value), [&](const auto& row) { return row.value == value; });
  }
  if (info.max == 0 || measure_of(static_cast<const M*>(nullptr)) == Measure::kNone) return true;
  const std::int64_t amount = measured(value);
  return amount >= info.min && amount <= info.max;
}

// Calls report(info, measure, amount) for each own field of `object` that is out of bounds.
template <class T, class Report>
void check_bounds(const T& object, Report&& report) {
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        const M& value = object.*member;
        if (!is_within_bounds(info, value)) {
          report(info, measure_of(static_cast<const M*>(nullptr)), measured(value));
        }
      },
      static_cast<const T*>(nullptr));
}

// Gives each own field of `object` that is out of bounds its default.
template <class T>
void reset_out_of_bounds(T& object) {
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        if (!is_within_bounds(info, object.*member)) object.*member = T{}.*member;
      },
      static_cast<const T*>(nullptr));
}

// Cuts a list to the items that its bounds allow.
template <class T, class Item>
void cut_to_bounds(T& object, std::vector<Item> T::* list) {
  describe(
      [&]<class M>(const FieldInfo& info, M T::* member) {
        if constexpr (std::is_same_v<M, std::vector<Item>>) {
          if (member != list || is_within_bounds(info, object.*member)) return;
          auto& items = object.*member;
          items.erase(items.begin() + static_cast<std::ptrdiff_t>(info.max), items.end());
        }
      },
      static_cast<const T*>(nullptr));
}

}  // namespace ingress::config
