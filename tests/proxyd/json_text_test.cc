#include "proxyd/json_text.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace proxyd {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

struct Row {
  std::string_view text, json;
};

TEST_CASE("EscapesWhatCouldEndAStringOrALine") {
  using namespace std::string_view_literals;
  const Row rows[] = {
      {"", R"("")"},
      {"plain /path?x=1", R"("plain /path?x=1")"},
      {R"(say "hi")", R"("say \"hi\"")"},
      {R"(back\slash)", R"("back\\slash")"},
      {"two\nlines", R"("two\nlines")"},
      {"\r\t\b\f", R"("\u000d\u0009\u0008\u000c")"},
      {"nul\0end"sv, R"("nul\u0000end")"},
      {"\x1b[31mred\x7f", R"("\u001b[31mred\u007f")"},
      // Characters that some readers take for the end of a line: NEL, LS, PS.
      {"\xc2\x85", R"("\u0085")"},
      {"\xe2\x80\xa8\xe2\x80\xa9", R"("\u2028\u2029")"},
      {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
      {"\xe2\x82\xac \xf0\x9f\x98\x80", "\"\xe2\x82\xac \xf0\x9f\x98\x80\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.json);
    CHECK(quoted(row.text) == row.json);
  }
}

TEST_CASE("ReplacesEachByteThatIsNotUtf8") {
  const std::string bad = "\xef\xbf\xbd";
  struct {
    std::string_view text;
    std::size_t num_replaced;
    std::string_view rest;
  } const rows[] = {
      {"\x80", 1, ""},              // a continuation without lead
      {"\xff\xfe", 2, ""},          // never valid
      {"\xc3", 1, ""},              // cut
      {"\xc3(", 1, "("},            // lead without continuation
      {"\xc0\xaf", 2, ""},          // overlong '/'
      {"\xe0\x80\xaf", 3, ""},      // overlong
      {"\xed\xa0\x80", 3, ""},      // surrogate
      {"\xf4\x90\x80\x80", 4, ""},  // above U+10FFFF
      {"\xf0\x9f\x98", 3, ""},      // cut
      {"\xc2\n", 1, "\\n"},         // a lead must not swallow a line feed
  };
  for (const auto& row : rows) {
    CAPTURE(row.num_replaced);
    std::string expected = "\"";
    for (std::size_t i = 0; i < row.num_replaced; ++i) expected += bad;
    CHECK(quoted(row.text) == expected + std::string(row.rest) + "\"");
  }
}

TEST_CASE("KeepsQuotesInTextForPeopleButNoControlCharacters") {
  CHECK(to_log_text("a \"b\" c\\d\nproxyd: forged") == "a \"b\" c\\d\\nproxyd: forged");
}

TEST_CASE("WriterPutsCommasBetweenAllKindsOfValues") {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.key("a");
  json.begin_array();
  json.number(1);
  json.boolean(false);
  json.begin_object();
  json.end_object();
  json.string("x");
  json.end_array();
  json.key("b");
  json.number(18446744073709551615u);
  json.end_object();
  CHECK(out == R"({"a":[1,false,{},"x"],"b":18446744073709551615})");
}

}  // namespace
}  // namespace proxyd
