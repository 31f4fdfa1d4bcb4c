// Pieces of a line of the access log.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxyd/json_text.h"

namespace proxyd {

// All fields follow "time", so each starts with a comma. `name` comes with its quotes and colon.
inline void append_name(std::string& out, std::string_view name) {
  out += ',';
  out += name;
}

inline void append_text(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  append_name(out, name);
  append_json_string(out, value);
}

inline void append_number(std::string& out, std::string_view name, std::uint64_t value) {
  append_name(out, name);
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// Milliseconds with three decimals; no floating point, so no locale and no rounding.
inline void append_ms(std::string& out, std::string_view name, std::chrono::microseconds duration) {
  const auto us = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  append_number(out, name, us / 1000);
  const auto rest = static_cast<char>(us % 1000 / 100 + '0');
  const char decimals[] = {'.', rest, static_cast<char>(us % 100 / 10 + '0'),
                           static_cast<char>(us % 10 + '0')};
  out.append(decimals, sizeof decimals);
}

// Two texts as one string: "default/shop" and "0" are "default/shop/0".
inline void append_joined(std::string& out, std::string_view name, std::string_view first, char separator,
                          std::string_view second) {
  if (first.empty()) return;
  append_name(out, name);
  append_json_string(out, first);
  if (second.empty()) return;
  out.back() = separator;  // in place of the closing quote
  const std::size_t quote = out.size();
  append_json_string(out, second);
  out.erase(quote, 1);
}

}  // namespace proxyd
