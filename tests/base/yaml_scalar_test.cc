#include "base/yaml_scalar.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace ingress::base;

TEST_CASE("PlainScalarsFollowTheCoreSchema") {
  struct Row {
    std::string_view text;
    Value value;
  };
  const auto integer = [](std::int64_t v) { return Value(v); };
  const Row rows[] = {
      {"", Value()},
      {"~", Value()},
      {"null", Value()},
      {"NULL", Value()},
      {"true", Value(true)},
      {"TRUE", Value(true)},
      {"False", Value(false)},
      {"0", integer(0)},
      {"-0", integer(0)},
      {"+12", integer(12)},
      {"0644", integer(644)},
      {"0o644", integer(420)},
      {"0x1F", integer(31)},
      {"0x7fffffffffffffff", integer(std::numeric_limits<std::int64_t>::max())},
      {"0x8000000000000000", Value(9223372036854775808.0)},
      {"-9223372036854775808", integer(std::numeric_limits<std::int64_t>::min())},
      {"9223372036854775808", Value(9223372036854775808.0)},
      {"1.5", Value(1.5)},
      {"1.", Value(1.0)},
      {".5", Value(0.5)},
      {"+1e3", Value(1000.0)},
      {"-1.5E-3", Value(-0.0015)},
      {".inf", Value(std::numeric_limits<double>::infinity())},
      {"+.Inf", Value(std::numeric_limits<double>::infinity())},
      {"-.INF", Value(-std::numeric_limits<double>::infinity())},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Value value = resolve_plain_scalar(row.text);
    CHECK(to_string(value.type()) == to_string(row.value.type()));
    CHECK(value == row.value);
  }
  CHECK(std::isnan(*resolve_plain_scalar(".nan").as_double()));
}

TEST_CASE("WhatIsNoCoreTypeStaysAString") {
  for (const std::string_view text :
       {"yes",   "no",      "on",   "off",   "y",    "nULL",     "tRUE",       "1_000",
        "1 ",    " 1",      "--1",  "+",     "-",    ".",        "..",         "+.",
        "1e",    "1e+",     "e5",   "1.5.2", "1,5",  "0x",       "0o",         "0o8",
        "0xg",   "0x-1",    "-0x1", "0b1",   "1:30", "12:30:45", "2024-01-01", "2024-01-01T00:00:00Z",
        "1e999", "-1e999",  "inf",  "nan",   "NaN",  "+.nan",    "v1",         "10.0.0.1",
        "0x1p3", "infinity"}) {
    CAPTURE(text);
    const Value value = resolve_plain_scalar(text);
    REQUIRE(value.as_string());
    CHECK(*value.as_string() == text);
  }
  CHECK(resolve_plain_scalar("0x" + std::string(1000, 'f')).as_string());
}
