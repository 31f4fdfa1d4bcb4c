#include "controller/timestamp.h"

#include <chrono>

namespace ingress::controller {
namespace {

// Takes exactly `num_digits` digits off the front of `text`.
std::optional<int> take_digits(std::string_view& text, std::size_t num_digits) {
  if (text.size() < num_digits) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, num_digits)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(num_digits);
  return value;
}

bool take_char(std::string_view& text, char upper, char lower) {
  if (text.empty() || (text.front() != upper && text.front() != lower)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text) {
  if (!take_char(text, '.', '.')) return true;
  std::size_t num_digits = 0;
  while (take_digits(text, 1)) ++num_digits;
  return num_digits > 0;
}

// The rest of a timestamp: 'Z' or "+hh:mm", in seconds east.
std::optional<int> take_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const int sign = take_char(text, '+', '+') ? 1 : (take_char(text, '-', '-') ? -1 : 0);
  const auto hours = take_digits(text, 2);
  if (sign == 0 || !hours || *hours > 23 || !take_char(text, ':', ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<std::int64_t> parse_timestamp(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take_char(text, '-', '-')) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take_char(text, '-', '-')) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take_char(text, 'T', 't')) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || *hour > 23 || !take_char(text, ':', ':')) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || *minute > 59 || !take_char(text, ':', ':')) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second || *second > 60 || !take_fraction(text)) return std::nullopt;
  const auto offset = take_offset(text);
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!offset || !date.ok()) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return days * 86'400 + *hour * 3600 + *minute * 60 + *second - *offset;
}

}  // namespace ingress::controller
