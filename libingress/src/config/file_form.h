// How each type of member stands in the file form: what the reader, the writer, the schema and the
// reference have to agree on beyond the field tables.
#pragma once

#include <chrono>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/fields.h"

namespace ingress::config {

template <class T>
inline constexpr bool kIsList = false;
template <class T>
inline constexpr bool kIsList<std::vector<T>> = true;

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// Integers and durations (in ms or s) are JSON integers.
template <class T>
inline constexpr bool kIsDuration =
    std::is_same_v<T, std::chrono::milliseconds> || std::is_same_v<T, std::chrono::seconds>;
template <class T>
inline constexpr bool kIsInteger = std::integral<T> || kIsDuration<T>;

// Stands where SecretText is written.
inline constexpr std::string_view kRedacted = "(redacted)";

// Types with a field table are JSON objects.
template <class T>
concept Described = requires(const T* type) { type_info(type); };

// What a field has when it is left out.
template <Described T>
const T& defaults() {
  static const T kValue{};
  return kValue;
}

}  // namespace ingress::config
