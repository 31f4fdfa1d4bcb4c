#include "base/yaml_reader.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "base/json_reader.h"

using namespace ingress;
using namespace ingress::base;
using namespace std::string_literals;

namespace {

// Documents as JSON, for rows.
std::vector<Value> from_json(const std::vector<std::string>& texts) {
  std::vector<Value> out;
  for (const std::string& text : texts) out.push_back(read_json(text).value());
  return out;
}

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

// "read", or the name of the error's code.
std::string outcome(const std::string& text, const DocumentLimits& limits = {}) {
  const auto documents = read_yaml(text, limits);
  return documents ? "read" : std::string(to_string(documents.error().code));
}

}  // namespace

TEST_CASE("YamlReadsWhatItsJsonSays") {
  struct Row {
    std::string text;
    std::vector<std::string> json;
  };
  const Row rows[] = {
      {"", {}},
      {"\n# only a comment\n", {}},
      {"---\n", {}},
      {"---\n---\n...\n", {}},
      {"~", {}},
      {"a: 1\nb: x\n", {R"({"a":1,"b":"x"})"}},
      {"\xef\xbb\xbf"
       "a: 1\n",
       {R"({"a":1})"}},
      {"a: 1\r\nb:\r\n  - x\r\n  - y z\r\n", {R"({"a":1,"b":["x","y z"]})"}},
      {"---\na: 1\n---\nb: 2\n", {R"({"a":1})", R"({"b":2})"}},
      {"a: 1\n...\nb: 2\n", {R"({"a":1})", R"({"b":2})"}},
      {"a: 1\n...\n# c\n\n---\nb: 2\n...\n", {R"({"a":1})", R"({"b":2})"}},
      {"%YAML 1.2\n---\na: 1\n", {R"({"a":1})"}},
      {"--- a\n--- b\n", {R"("a")", R"("b")"}},
      {"a: |\n  one\n  two\nb: |-\n  one\n", {R"({"a":"one\ntwo\n","b":"one"})"}},
      {"a: >\n  one\n  two\n\n  three\n", {R"({"a":"one two\nthree\n"})"}},
      {"a: |\n  ---\n  ...\n", {R"({"a":"---\n...\n"})"}},
      {"a: one\n  two\n", {R"({"a":"one two"})"}},
      {"a: 'it''s'\nb: \"x\\n\\u00e9\\t\"\n", {R"({"a":"it's","b":"x\n\u00e9\t"})"}},
      {"a: \"1\"\nb: '~'\nc: !!str 1\nd: ! 1\n", {R"({"a":"1","b":"~","c":"1","d":"1"})"}},
      {"a: !!int 7\nb: !!float 7\nc: !!null ''\nd: !!bool true\n", {R"({"a":7,"b":7.0,"c":null,"d":true})"}},
      {"a: !!map {b: !!seq [1]}\n", {R"({"a":{"b":[1]}})"}},
      {"80: x\ntrue: y\n1.5: z\n", {R"({"80":"x","true":"y","1.5":"z"})"}},
      {"\"<<\": x\n", {R"({"<<":"x"})"}},
      {"t: 2024-01-01T00:00:00Z\ny: yes\no: 0o17\nh: 0x1F\n",
       {R"({"t":"2024-01-01T00:00:00Z","y":"yes","o":15,"h":31})"}},
      {"a:\nb: null\nc: ~\nd: ''\n", {R"({"a":null,"b":null,"c":null,"d":""})"}},
      {"- a\n-\n- - b\n  - c\n", {R"(["a",null,["b","c"]])"}},
      {"a: {b: [1, 2, {c: d}], e: {}}\nf: []\n", {R"({"a":{"b":[1,2,{"c":"d"}],"e":{}},"f":[]})"}},
      {"? a\n: 1\n", {R"({"a":1})"}},
      {"a: &x [1, {b: c}]\nd: *x\ne: *x\n", {R"({"a":[1,{"b":"c"}],"d":[1,{"b":"c"}],"e":[1,{"b":"c"}]})"}},
      {"a: &x 1\nb: *x\nc: &x 2\nd: *x\n", {R"({"a":1,"b":1,"c":2,"d":2})"}},
      {"a: &x\nb: *x\n", {R"({"a":null,"b":null})"}},
      {R"({"a": [1, 2], "b": "\ud83d\ude00"})", {R"({"a":[1,2],"b":"\ud83d\ude00"})"}},
      {"{\"a\": 1}\n---\n{\"b\": 2}\n", {R"({"a":1})", R"({"b":2})"}},
      {"{a: 1, b: [x, y]}\n", {R"({"a":1,"b":["x","y"]})"}},
      {"a: b # comment\nc: 'd # e'\n", {R"({"a":"b","c":"d # e"})"}},
      {"url: http://x:80/y?z=1#f\n", {R"({"url":"http://x:80/y?z=1#f"})"}},
      {"\xc3\xa4: \xe2\x82\xac\n", {"{\"\xc3\xa4\":\"\xe2\x82\xac\"}"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto documents = read_yaml(row.text);
    REQUIRE_MESSAGE(documents, documents.error().text());
    CHECK(*documents == from_json(row.json));
  }
}

TEST_CASE("YamlRefusesWhatIsMalformed") {
  for (const auto& text : {"a: [1"s,
                           "a: 1\n b: 2"s,
                           "a: b: c"s,
                           "\ta: 1"s,
                           "a: 'x"s,
                           "a: \"x"s,
                           "a: \"\\q\""s,
                           "a: \"\\ud800\""s,
                           "a: @b"s,
                           "a: `b"s,
                           "]"s,
                           "}"s,
                           ","s,
                           "a: 1\n]"s,
                           "[] ,"s,
                           "[1] [2]"s,
                           "{a: 1} x"s,
                           "a: *nothing"s,
                           "a: &x [*x]"s,
                           "a: 1\na: 2\n"s,
                           "b: {c: 1, d: 2, c: 1}"s,
                           "a: 1\n\"a\": 2"s,
                           "1: a\n'1': b"s,
                           "<<: {a: 1}"s,
                           "b: &b {x: 1}\nc:\n  <<: *b\n"s,
                           "? [a]\n: 1"s,
                           "? {a: b}\n: 1"s,
                           "~: 1"s,
                           ": 1"s,
                           "&k a: 1"s,
                           "a: &x b\n*x : c"s,
                           "a: !!binary aGk="s,
                           "a: !!int x"s,
                           "a: !!bool yes"s,
                           "a: !custom b"s,
                           "a: !custom {}"s,
                           "a: !!set {b}"s,
                           "!!int a: 1"s,
                           "%YAML 3.0\n---\na: 1"s,
                           "a: \x01"s,
                           "a: b\x04\nc: d"s,
                           "a: \0b"s,
                           "a: \x7f"s,
                           "a: \xff"s,
                           "\xff\xfe"
                           "a\0"s,
                           "a: \xed\xa0\x80"s,
                           "- a\nb: c"s,
                           "a: |x\n  b"s,
                           "&a &b c"s}) {
    CAPTURE(text);
    const auto documents = read_yaml(text);
    REQUIRE_FALSE(documents);
    CHECK(documents.error().code == ErrorCode::kParse);
    CHECK_FALSE(documents.error().detail.empty());
  }
}

TEST_CASE("YamlErrorsTellTheLine") {
  struct Row {
    std::string text;
    std::string line;
  };
  const Row rows[] = {
      {"a: 1\nb: 2\na: 3\n", "line 3: repeated key \"a\""},
      {"a:\n  - b\n  c: d\n", "line 3:"},
      {"a: 1\n---\nb: \"x\\q\"\n", "line 3:"},
      {"a: 1\r\nb: *no\r\n", "line 2:"},
      {"a: 1\n\n<<: {}\n", "line 3: merge keys"},
      {"a\nb: \x01\n", "line 2:"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto documents = read_yaml(row.text);
    REQUIRE_FALSE(documents);
    CHECK_MESSAGE(documents.error().detail.starts_with(row.line), documents.error().detail);
  }
}

TEST_CASE("YamlNodesKnowTheirLine") {
  const auto documents = read_yaml("# c\na:\n  b: |\n    x\n    y\n  c: [1,\n    2]\n---\nd: e\n");
  REQUIRE(documents);
  const Value& first = documents->at(0);
  CHECK(first.line() == 2);
  CHECK(first.find("a")->line() == 3);
  CHECK(first.find("a")->find("b")->line() == 3);
  CHECK(first.find("a")->find("c")->as_array()->at(1).line() == 7);
  CHECK(documents->at(1).find("d")->line() == 9);
}

TEST_CASE("YamlCapsHold") {
  CHECK(outcome(repeat("[", 64) + repeat("]", 64)) == "read");
  CHECK(outcome(repeat("[", 65) + repeat("]", 65)) == "too_large");
  CHECK(outcome("x: " + repeat("[", 63) + repeat("]", 63)) == "read");
  CHECK(outcome("x: " + repeat("[", 64) + repeat("]", 64)) == "too_large");
  CHECK(outcome("[a, b, c]", {.max_nodes = 4}) == "read");
  CHECK(outcome("[a, b, c]", {.max_nodes = 3}) == "too_large");
  CHECK(outcome("a: 1", {.max_bytes = 3}) == "too_large");
  CHECK(outcome(repeat("---\n", 3), {.max_documents = 3}) == "read");
  CHECK(outcome(repeat("---\n", 4), {.max_documents = 3}) == "too_large");
  CHECK(outcome("a: " + repeat("x", 20'000), {.max_run_bytes = 30'000}) == "read");
  CHECK(outcome("a: " + repeat("x", 40'000), {.max_run_bytes = 30'000}) == "too_large");
  CHECK(outcome(repeat("- x\n", 40'000), {.max_run_bytes = 30'000}) == "read");
  CHECK(outcome("[" + repeat("x,", 40'000) + "]", {.max_run_bytes = 30'000}) == "too_large");
}

TEST_CASE("YamlAliasesAreCapped") {
  // Nine aliases of the level above on each level: 9^8 nodes when expanded.
  std::string laughs = "a0: &a0 [x]\n";
  for (int level = 1; level < 9; ++level) {
    const std::string above = "*a" + std::to_string(level - 1);
    laughs += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + above;
    laughs += repeat(", " + above, 8) + "]\n";
  }
  CHECK(outcome(laughs) == "too_large");
  // Few nodes, many bytes.
  CHECK(outcome("a: &x " + repeat("y", 900'000) + "\nb: [" + repeat("*x,", 100) + "]\n") == "too_large");
  // Depth grows by aliases alone.
  std::string deep = "a0: &a0 [x]\n";
  for (int level = 1; level < 70; ++level) {
    deep += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [*a" +
            std::to_string(level - 1) + "]\n";
  }
  CHECK(outcome(deep) == "too_large");
  CHECK(outcome("a: &x [1, 2, 3]\nb: *x\n", {.max_alias_nodes = 8}) == "read");
  CHECK(outcome("a: &x [1, 2, 3]\nb: *x\n", {.max_alias_nodes = 7}) == "too_large");
  CHECK(outcome("a: &x [1, 2, 3]\nb: *x\n", {.max_nodes = 9}) == "read");
  CHECK(outcome("a: &x [1, 2, 3]\nb: *x\n", {.max_nodes = 8}) == "too_large");
  // Nested anchors keep a copy per level.
  CHECK(outcome(repeat("&a [", 60) + repeat("x,", 1000) + repeat("]", 60)) != "read");
}

TEST_CASE("YamlOfAHostileShapeEndsInGoodTime") {
  for (const std::string_view unit :
       {"[",     "{",     "[a,",   "{a: ", "- ",       "? ",   ": ",      "a: ",    "&a ",
        "*a ",   "!a ",   "!!",    "%a\n", ",",        "]",    "}",       "[]",     "{}",
        "---\n", "...\n", "? a\n", "|\n",  "- |+\n\n", "\"",   "'",       "#",      "\n",
        " ",     "\t",    "a\n",   "- [",  "a: {",     "&a [", "\r",      "<<: ",   "\"\\",
        "- - ",  "[:",    "{:",    "[?",   "{? ",      ">\n",  "--- |\n", "a: b\n", "\xe2\x82\xac"}) {
    CAPTURE(unit);
    outcome(repeat(unit, 100'000 / unit.size()));
    outcome(repeat(unit, 3));
    outcome("a:\n" + repeat(unit, 3));
    outcome("- " + repeat(unit, 100));
  }
  // Depth by indentation: each level one column further right.
  std::string indented;
  for (std::size_t depth = 0; depth < 500; ++depth) indented += std::string(depth, ' ') + "a:\n";
  CHECK(outcome(indented) == "too_large");
  CHECK(outcome(repeat("[", 100'000)) == "too_large");
  CHECK(outcome(repeat("- ", 50'000)) == "too_large");
  CHECK(outcome(repeat("x: [", 2) + repeat("[", 100'000)) == "parse");  // "x: [x: "
  CHECK(outcome("a: " + repeat("[", 8'000'000)) == "too_large");
}

TEST_CASE("YamlCutOrMutatedNeitherHangsNorCrashes") {
  const std::string seed =
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: \"a\\u00e9\"\n  labels: &l {x: y, "
      "'z': [1, 2]}\n"
      "spec:\n  rules:\n  - host: a.b # c\n    http: *l\n  text: |\n    one\n    two\n  folded: >-\n    "
      "x\n---\n"
      "- !!str 1\n- ? k\n  : v\n...\n";
  REQUIRE(outcome(seed) == "read");
  for (std::size_t cut = 0; cut < seed.size(); ++cut) outcome(seed.substr(0, cut));
  const std::string letters = "{}[],:-?&*!|>'\"%@`#\n\r\t ax1~.<\\\xc3\xa9";
  std::mt19937 random(1);
  for (int i = 0; i < 4000; ++i) {
    std::string text = seed.substr(0, random() % seed.size());
    for (unsigned edits = 1 + random() % 6; edits > 0 && !text.empty(); --edits) {
      const std::size_t at = random() % text.size();
      const char letter = letters[random() % letters.size()];
      switch (random() % 3) {
        case 0:
          text.erase(at, 1);
          break;
        case 1:
          text.insert(at, 1, letter);
          break;
        default:
          text[at] = letter;
          break;
      }
    }
    outcome(text);
  }
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (unsigned size = random() % 12; size > 0; --size) text += letters[random() % letters.size()];
    outcome(text);
  }
}
