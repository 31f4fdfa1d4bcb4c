#include "base/json_reader.h"

#include <doctest/doctest.h>
#include <simdjson.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/json_writer.h"

using namespace ingress;
using namespace ingress::base;
using namespace std::string_literals;

namespace {

void write(JsonWriter& json, const Value& value) {
  switch (value.type()) {
    case Value::Type::kNull:
      json.null();
      break;
    case Value::Type::kBool:
      json.boolean(*value.as_bool());
      break;
    case Value::Type::kInt:
      json.number(*value.as_int());
      break;
    case Value::Type::kDouble:
      json.number(*value.as_double());
      break;
    case Value::Type::kString:
      json.string(*value.as_string());
      break;
    case Value::Type::kArray:
      json.begin_array();
      for (const Value& item : *value.as_array()) write(json, item);
      json.end_array();
      break;
    case Value::Type::kObject:
      json.begin_object();
      for (const auto& [key, member] : *value.as_object()) write(json.key(key), member);
      json.end_object();
      break;
  }
}

std::string to_json(const Value& value) {
  std::string out;
  JsonWriter json(out);
  write(json, value);
  return out;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

}  // namespace

TEST_CASE("JsonReadsEveryType") {
  struct Row {
    std::string text;
    std::string json;
  };
  const Row rows[] = {
      {"null", "null"},
      {" true ", "true"},
      {"false\n", "false"},
      {"12", "12"},
      {"-0", "0"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9223372036854775808.0"},  // over int64: a double
      {"1.5e3", "1500.0"},
      {"\"x\"", "\"x\""},
      {"{}", "{}"},
      {"[]", "[]"},
      {R"({"b":1,"a":[true,null,{"c":"d"}]})", R"({"b":1,"a":[true,null,{"c":"d"}]})"},
      {R"("\u00e9\ud83d\ude00\n\/")", "\"\u00e9\U0001F600\\n/\""},
      {R"({"\u0061":1})", R"({"a":1})"},
      {R"("\u0000")", R"("\u0000")"},
      {"\xef\xbb\xbf{}", "{}"},
      {"\r\n\t [1]\r\n", "[1]"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto value = read_json(row.text);
    REQUIRE_MESSAGE(value, value.error().text());
    CHECK(to_json(*value) == row.json);
    CHECK(read_json(row.json).value() == *value);
  }
}

TEST_CASE("JsonRefusesWhatRfc8259Refuses") {
  for (const auto& text : {""s,
                           " "s,
                           "{"s,
                           "}"s,
                           "[1,]"s,
                           "[1 2]"s,
                           "[,1]"s,
                           "{\"a\"}"s,
                           "{\"a\":}"s,
                           "{\"a\":1,}"s,
                           "{a:1}"s,
                           "{1:1}"s,
                           "'x'"s,
                           "\"x"s,
                           "tru"s,
                           "True"s,
                           "nul"s,
                           "nulll"s,
                           "[nul]"s,
                           "[falsy]"s,
                           "[NaN]"s,
                           "[Infinity]"s,
                           "01"s,
                           "+1"s,
                           "1."s,
                           ".5"s,
                           "1e"s,
                           "0x10"s,
                           "1 2"s,
                           "{} {}"s,
                           "[]]"s,
                           "[1}"s,
                           "{\"a\":1]"s,
                           "// c\n1"s,
                           "\"\\x\""s,
                           "\"\\u12\""s,
                           "\"\\ud800\""s,
                           "\"\\udc00\""s,
                           "\"\\ud800\\u0041\""s,
                           "\"a\nb\""s,
                           "\"a\0b\""s,
                           "\"\xff\""s,
                           "\"\xc0\xaf\""s,
                           "\"\xed\xa0\x80\""s,
                           "[\"\xe2\x82\"]"s,
                           "1e999"s,
                           "18446744073709551616"s,
                           "\0"s,
                           "[]\0"s,
                           "{\"a\":1,\"a\":2}"s,
                           "{\"a\":1,\"\\u0061\":2}"s,
                           "[{\"b\":{\"x\":1,\"y\":1,\"x\":1}}]"s}) {
    CAPTURE(text);
    const auto value = read_json(text);
    REQUIRE_FALSE(value);
    CHECK(value.error().code == ErrorCode::kParse);
    CHECK_FALSE(value.error().detail.empty());
  }
}

TEST_CASE("JsonErrorsTellTheLine") {
  struct Row {
    std::string text;
    std::string line;
  };
  const Row rows[] = {
      {"{\n\"a\": 1,\n\"b\": tru\n}", "line 3:"},
      {"[1,\n2\n3]", "line 3:"},
      {"{\"a\":1,\n\"b\":2,\n\n\"a\":3}", "line 4: repeated key \"a\""},
      {"[\n\n\"\xff\"]", "line 3:"},
      {"[1,\n2,\n", "line 3:"},
      {"{}\n\nx", "line 3:"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto value = read_json(row.text);
    REQUIRE_FALSE(value);
    CHECK_MESSAGE(value.error().detail.starts_with(row.line), value.error().detail);
  }
}

TEST_CASE("JsonNodesKnowTheirLine") {
  const auto value = read_json("\n{\"a\":\n  [1,\n\n   \"x\"\n],\n\"b\": {}}\n");
  REQUIRE(value);
  CHECK(value->line() == 2);
  CHECK(value->find("a")->line() == 3);
  CHECK(value->find("a")->as_array()->at(0).line() == 3);
  CHECK(value->find("a")->as_array()->at(1).line() == 5);
  CHECK(value->find("b")->line() == 7);
  CHECK(read_json("\n\n7")->line() == 3);
}

TEST_CASE("JsonCapsHold") {
  const auto code = [](const std::string& text, const DocumentLimits& limits) {
    const auto value = read_json(text, limits);
    return value ? "read"s : std::string(to_string(value.error().code));
  };
  CHECK(code(nested(64), {}) == "read");
  CHECK(code(nested(65), {}) == "too_large");
  CHECK(code(nested(100'000), {}) == "too_large");
  CHECK(code(std::string(100'000, '['), {}) != "read");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(code(objects, {}) != "read");
  CHECK(code("[1,2,3]", {.max_nodes = 4}) == "read");
  CHECK(code("[1,2,3]", {.max_nodes = 3}) == "too_large");
  CHECK(code("[1]", {.max_bytes = 3}) == "read");
  CHECK(code("[1] ", {.max_bytes = 3}) == "too_large");
  CHECK(code("[1]", {.max_depth = 0}) == "too_large");
  CHECK(code("1", {.max_depth = 0}) == "read");
}

TEST_CASE("JsonObjectsOfManyKeysAreReadInGoodTime") {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += "\"key" + std::to_string(i) + "\":1,";
  CHECK(read_json(text + "\"last\":1}"));
  CHECK_FALSE(read_json(text + "\"key50000\":1}"));
}

TEST_CASE("JsonIsRefusedWhenCutAnywhere") {
  const std::string text = R"({"a":[1,2.5,-3e4,true,false,null,"x\n\u00e9"],"b":{"c":{}},"d":[]})";
  REQUIRE(read_json(text));
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CAPTURE(cut);
    CHECK_FALSE(read_json(text.substr(0, cut)));
  }
}

TEST_CASE("JsonTakesWhatTheDomParserTakes") {
  const std::string seeds[] = {R"({"a":[1,2.5,-3e4,true,false,null,"x\n\u00e9"],"b":{"c":{}},"d":[]})",
                               R"([1,[2,[3,{"a":1}]],"\ud83d\ude00"])",
                               "\"str\"",
                               " 12 ",
                               "null",
                               "{}",
                               "-0.0",
                               "18446744073709551615"};
  const std::string letters = "{}[]\",:0123456789.eE+-truefalsn \n\\u\"\xc3\xff";
  std::mt19937 random(1);
  simdjson::dom::parser dom;
  for (int i = 0; i < 30'000; ++i) {
    std::string text = seeds[random() % std::size(seeds)];
    for (unsigned edits = random() % 4; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      switch (random() % 4) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text.insert(at, 1, letter);
          break;
        case 2:
          text[at] = letter;
          break;
        default:
          text.resize(at);
          break;
      }
    }
    const simdjson::padded_string padded(text);
    const bool is_valid = dom.parse(padded).error() == simdjson::SUCCESS;
    const auto value = read_json(text);
    const bool is_repeated = !value && value.error().detail.find("repeated key") != std::string::npos;
    CHECK_MESSAGE(is_valid == (value.has_value() || is_repeated), text);
    if (value) CHECK(read_json(to_json(*value)).value() == *value);
  }
}

TEST_CASE("JsonDoublesAreTheNearest") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    std::string text = std::to_string(random() >> random() % 64) + "." + std::to_string(random());
    if (i % 2) text += "e" + std::to_string(static_cast<int>(random() % 500) - 300);
    const auto value = read_json("[" + text + "]");
    const double expected = std::strtod(text.c_str(), nullptr);
    if (!std::isfinite(expected)) continue;
    REQUIRE_MESSAGE(value, text);
    CHECK_MESSAGE(*value->as_array()->front().as_double() == expected, text);
  }
}
