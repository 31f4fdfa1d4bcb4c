#include "base/json_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/json_reader.h"

using ingress::base::JsonSplitter;
using ingress::base::read_json;
using ingress::base::Value;

namespace {

struct Split {
  std::vector<std::pair<std::string, std::string>> pieces;
  bool is_complete = false;
};

Split split(std::string_view text) {
  Split out;
  JsonSplitter splitter(text);
  JsonSplitter::Piece piece;
  while (splitter.next(piece)) out.pieces.emplace_back(piece.key, piece.value);
  out.is_complete = splitter.is_complete();
  return out;
}

}  // namespace

TEST_CASE("SplitsObjectsAndLists") {
  const Split object = split(R"( { "a" : 1 , "b":[1,{"c":"]"}], "d":"x\"}", "e": null } )");
  REQUIRE(object.is_complete);
  CHECK(object.pieces == std::vector<std::pair<std::string, std::string>>{
                             {"a", "1"}, {"b", R"([1,{"c":"]"}])"}, {"d", R"("x\"}")"}, {"e", "null"}});
  const Split list = split(R"([true,"a\\",{}])");
  REQUIRE(list.is_complete);
  CHECK(list.pieces ==
        std::vector<std::pair<std::string, std::string>>{{"", "true"}, {"", R"("a\\")"}, {"", "{}"}});
  CHECK(split("{}").is_complete);
  CHECK(split(" [ ] ").is_complete);
}

TEST_CASE("PiecesOfAValidTextAreItsMembers") {
  const std::string text = R"({"a":{"b":[1,2,"\\"]},"c":-1.5e3,"d":"\u00e9","e":[[],[{}]],"f":true})";
  const auto whole = read_json(text);
  REQUIRE(whole);
  const Split pieces = split(text);
  REQUIRE(pieces.is_complete);
  REQUIRE(pieces.pieces.size() == whole->as_object()->size());
  for (const auto& [key, raw] : pieces.pieces) {
    const auto value = read_json(raw);
    REQUIRE(value);
    CHECK(*value == *whole->find(key));
  }
}

TEST_CASE("IsNotCompleteWhenCutAnywhere") {
  const std::string text = R"({"a":[1,{"b":"x"}],"c":"\"","d":12})";
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(split(text.substr(0, size)).is_complete);
  }
}

TEST_CASE("IsNotCompleteWhenMalformed") {
  for (const char* text :
       {"", "1", "\"a\"", "{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1 \"b\":2}", "{\"a\":1}x", "{\"a\":1},",
        "[1 2]", "[,]", "[1,", "{\"\\u0061\":1}", "{\"a\":1,}", "[1}"}) {
    CAPTURE(text);
    CHECK_FALSE(split(text).is_complete);
  }
}
