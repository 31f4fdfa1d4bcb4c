#include "base/json_writer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

using namespace ingress::base;

TEST_CASE("StringsAreEscaped") {
  struct Row {
    std::string text;
    std::string json;
  };
  using namespace std::string_literals;
  const Row rows[] = {
      {"", R"("")"},
      {"plain /text", R"("plain /text")"},
      {"a\"b\\c", R"("a\"b\\c")"},
      {"\n\r\t", R"("\n\r\t")"},
      {"\0\x01\x1f\x7f"s, R"("\u0000\u0001\u001f\u007f")"},
      {"h\u00e9 \u20ac \U0001F600", "\"h\u00e9 \u20ac \U0001F600\""},
      {"a\xff"
       "b",
       "\"a\ufffd"
       "b\""},
      {"\xc3", "\"\ufffd\""},                                // cut
      {"\xc0\xaf", "\"\ufffd\ufffd\""},                      // overlong
      {"\xed\xa0\x80", "\"\ufffd\ufffd\ufffd\""},            // surrogate
      {"\xf4\x90\x80\x80", "\"\ufffd\ufffd\ufffd\ufffd\""},  // above U+10FFFF
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::string out;
    append_json_string(out, row.text);
    CHECK(out == row.json);
  }
}

TEST_CASE("CompactByDefault") {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("a").number(1).key("b").begin_array();
  json.null().boolean(true).string("x").begin_object().end_object().begin_array().end_array();
  json.end_array().key("c").boolean(false).end_object();
  CHECK(out == R"({"a":1,"b":[null,true,"x",{},[]],"c":false})");
}

TEST_CASE("IndentedOnDemand") {
  std::string out;
  JsonWriter json(out, 2);
  json.begin_object().key("a").begin_array().number(1u).number(2u).end_array();
  json.key("b").begin_object().end_object().end_object();
  CHECK(out == "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}");
}

TEST_CASE("NumbersReadBackAsTheyWere") {
  const auto text = [](auto value) {
    std::string out;
    JsonWriter(out).number(value);
    return out;
  };
  CHECK(text(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(text(std::numeric_limits<std::uint64_t>::max()) == "18446744073709551615");
  CHECK(text(std::uint16_t{8080}) == "8080");
  CHECK(text(0.1) == "0.1");
  CHECK(text(1.0) == "1.0");
  CHECK(text(-0.0) == "-0.0");
  CHECK(text(1e300) == "1e+300");
  CHECK(text(std::nan("")) == "null");
  CHECK(text(-std::numeric_limits<double>::infinity()) == "null");
}
