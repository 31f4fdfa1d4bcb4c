#include "tls/pem.h"

#include <doctest/doctest.h>
#include <openssl/err.h>

#include <string>
#include <vector>

using namespace ingress::tls;

namespace {

std::string block(const std::string& label, const std::string& base64) {
  return "-----BEGIN " + label + "-----\n" + base64 + "\n-----END " + label + "-----\n";
}

using Blocks = std::vector<PemBlock>;

}  // namespace

TEST_CASE("ReadsAllBlocksInTheirOrder") {
  const auto blocks =
      read_pem(block("CERTIFICATE", "AQID") + block("EC PRIVATE KEY", "BA==") + block("CERTIFICATE", "BQY="));
  REQUIRE(blocks.has_value());
  CHECK(*blocks == Blocks{{"CERTIFICATE", {1, 2, 3}}, {"EC PRIVATE KEY", {4}}, {"CERTIFICATE", {5, 6}}});
}

TEST_CASE("IgnoresWhatStandsOutsideOfBlocks") {
  const auto blocks = read_pem("Subject: CN=a\n-----BEGIN\n\n" + block("CERTIFICATE", "AQID") +
                               "-----END CERTIFICATE-----\n" + std::string(100'000, 'x') + "\n" +
                               block("CERTIFICATE", "BA==") + "\n\n");
  REQUIRE(blocks.has_value());
  CHECK(*blocks == Blocks{{"CERTIFICATE", {1, 2, 3}}, {"CERTIFICATE", {4}}});
}

TEST_CASE("TextWithoutBlocksHasNone") {
  for (const std::string& text :
       {std::string(), std::string("\n"), std::string("AQID"), std::string("-----BEGIN A")}) {
    CAPTURE(text);
    CHECK(read_pem(text) == Blocks{});
  }
}

TEST_CASE("TakesLinesAsPeopleHaveThem") {
  const Blocks expected = {{"A", {1, 2, 3, 4, 5, 6}}};
  CHECK(read_pem("-----BEGIN A-----\r\nAQID\r\nBAUG\r\n-----END A-----\r\n") == expected);
  CHECK(read_pem("-----BEGIN A-----\nAQ\nIDB\nAUG\n-----END A-----") == expected);
  CHECK(read_pem("-----BEGIN A----- \n\nAQIDBAUG  \n-----END A-----\t\n") == expected);
}

TEST_CASE("SaysWhichBlockCannotBeReadAndWhy") {
  struct Row {
    std::string text;
    std::string why;
  };
  const std::string good = block("CERTIFICATE", "AQID");
  const std::vector<Row> rows = {
      {"-----BEGIN A-----\nAQID\n", "block 1 has no END line of its own"},
      {good + "-----BEGIN A-----\nAQID\n-----END B-----\n", "block 2 has no END line of its own"},
      {"-----BEGIN CERTIFICATE-----\nAQID\n" + good, "block 1 is not base64"},
      {good + good + block("A", "AQI"), "block 3 is not base64"},
      {block("A", "A!ID"), "block 1 is not base64"},
      {block("A", "AQ==AQID"), "block 1 is not base64"},
      {block("A", ""), "block 1 is empty"},
      {good + block("A", "AQID\n\nBAUG"), "block 2 has a header or an empty line, which RFC 7468 has not"},
      {block("A", "Name: value\n\nBAUG"), "block 1 has a header or an empty line, which RFC 7468 has not"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto blocks = read_pem(row.text);
    REQUIRE_FALSE(blocks.has_value());
    CHECK(blocks.error() == row.why);
  }
}

TEST_CASE("SaysThatAKeyIsEncrypted") {
  const std::string traditional =
      block("EC PRIVATE KEY",
            "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAQID");
  for (const std::string& text : {block("ENCRYPTED PRIVATE KEY", "AQID"), traditional}) {
    CAPTURE(text);
    const auto blocks = read_pem(block("CERTIFICATE", "AQID") + text);
    REQUIRE_FALSE(blocks.has_value());
    CHECK(blocks.error() == "block 2 is encrypted");
  }
}

TEST_CASE("HasBoundsForBytesAndBlocks") {
  std::string text;
  for (std::size_t i = 0; i < kMaxPemBlocks; ++i) text += block("A", "AQID");
  const auto blocks = read_pem(text);
  REQUIRE(blocks.has_value());
  CHECK(blocks->size() == kMaxPemBlocks);
  CHECK(read_pem(text + block("A", "AQID")).error() == "more than 64 blocks");

  text.resize(kMaxPemBytes, '\n');
  CHECK(read_pem(text).has_value());
  text += '\n';
  CHECK(read_pem(text).error() == "more than 1 MB of text");
}

TEST_CASE("RefusesANulByteWhereverItIs") {
  const std::string text = block("A", "AQID");
  for (std::size_t i = 0; i <= text.size(); ++i) {
    std::string with_nul = text;
    with_nul.insert(i, 1, '\0');
    CAPTURE(i);
    CHECK(read_pem(with_nul).error() == "not text: it has a NUL byte");
  }
}

TEST_CASE("NeverTakesACutBlock") {
  const std::string text = block("CERTIFICATE", "AQIDBAUG");
  for (std::size_t size = 0; size + 1 < text.size(); ++size) {
    CAPTURE(size);
    const auto blocks = read_pem(std::string_view(text).substr(0, size));
    // Before the whole BEGIN line there is no block yet; after it there is one that cannot be read.
    if (size < std::string_view("-----BEGIN CERTIFICATE-----").size()) {
      CHECK(blocks == Blocks{});
    } else {
      CHECK_FALSE(blocks.has_value());
    }
  }
}

TEST_CASE("LeavesNothingInTheErrorQueue") {
  ERR_put_error(ERR_LIB_SSL, 0, 1, "somebody_else.cc", 1);
  CHECK(read_pem(block("A", "AQID")).has_value());
  CHECK(ERR_peek_error() == 0);
  CHECK_FALSE(read_pem(block("A", "!")).has_value());
  CHECK(ERR_peek_error() == 0);
}
