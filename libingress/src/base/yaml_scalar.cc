#include "base/yaml_scalar.h"

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "base/text.h"

namespace ingress::base {
namespace {

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

// Length of the run of digits at the front.
std::size_t num_digits(std::string_view text) {
  std::size_t count = 0;
  while (count < text.size() && is_digit(text[count])) ++count;
  return count;
}

// (\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? without the sign.
bool is_unsigned_float(std::string_view text) {
  const std::size_t whole = num_digits(text);
  text.remove_prefix(whole);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t fraction = num_digits(text);
    if (whole + fraction == 0) return false;
    text.remove_prefix(fraction);
  } else if (whole == 0) {
    return false;
  }
  if (text.empty()) return true;
  if (text[0] != 'e' && text[0] != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return !text.empty() && num_digits(text) == text.size();
}

// The whole of `text` as digits of `base`; a double when int64 is too small.
std::optional<Value> parse_integer(std::string_view text, int base) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number, base);
  if (result.ptr != end || text.empty()) return std::nullopt;
  if (result.ec == std::errc()) return Value(number);
  if (base == 10) return std::nullopt;  // read as a float
  double wide = 0;
  for (const char c : text) {
    wide = wide * base + (is_digit(c) ? c - '0' : to_lower_ascii(c) - 'a' + 10);
  }
  return wide <= std::numeric_limits<double>::max() ? std::optional(Value(wide)) : std::nullopt;
}

std::optional<Value> parse_number(std::string_view text) {
  if (text.starts_with("0o") || text.starts_with("0x")) {
    if (text.substr(2).starts_with('-')) return std::nullopt;
    return parse_integer(text.substr(2), text[1] == 'o' ? 8 : 16);
  }
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (is_one_of(digits, {".inf", ".Inf", ".INF"})) {
    const double infinity = std::numeric_limits<double>::infinity();
    return Value(text[0] == '-' ? -infinity : infinity);
  }
  if (is_one_of(text, {".nan", ".NaN", ".NAN"})) return Value(std::numeric_limits<double>::quiet_NaN());
  if (!is_unsigned_float(digits)) return std::nullopt;
  const std::string_view number = text[0] == '+' ? digits : text;
  if (num_digits(digits) == digits.size()) {
    if (auto integer = parse_integer(number, 10)) return integer;
  }
  double value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  if (result.ec != std::errc()) return std::nullopt;
  return Value(value);
}

}  // namespace

Value resolve_plain_scalar(std::string_view text) {
  if (is_one_of(text, {"", "~", "null", "Null", "NULL"})) return Value();
  if (is_one_of(text, {"true", "True", "TRUE"})) return Value(true);
  if (is_one_of(text, {"false", "False", "FALSE"})) return Value(false);
  if (auto number = parse_number(text)) return std::move(*number);
  return Value(std::string(text));
}

}  // namespace ingress::base
