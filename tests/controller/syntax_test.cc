#include "controller/syntax.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "controller/base64.h"
#include "controller/timestamp.h"
#include "http/uri.h"

using namespace ingress::controller;

namespace {

std::string times(const char* text, int n) {
  std::string out;
  for (int i = 0; i < n; ++i) out += text;
  return out;
}

}  // namespace

TEST_CASE("HostsAreExactOrOneLabelWildcards") {
  struct Row {
    std::string host;
    bool is_valid;
  };
  const std::vector<Row> rows{
      {"", true},
      {"a", true},
      {"a.b", true},
      {"shop.example.com", true},
      {"1.2.3.example", true},
      {"xn--bcher-kva.example", true},
      {"*.example.com", true},
      {"*.com", true},
      {std::string(63, 'a') + ".b", true},
      {"*", false},
      {"*.", false},
      {"*.*.a", false},
      {"a.*.b", false},
      {"a*.b", false},
      {"**.b", false},
      {"a.*", false},
      {"Shop.example.com", false},
      {"shop.example.com:80", false},
      {"10.0.0.1", false},
      {"::1", false},
      {"[::1]", false},
      {"1.2.3.4.5", false},
      {"a..b", false},
      {".a", false},
      {"a.", false},
      {"-a.b", false},
      {"a-.b", false},
      {"a_b.c", false},
      {"a b", false},
      {"a/b", false},
      {"a\nb", false},
      {std::string("a\0b", 3), false},
      {"caf\xc3\xa9.example", false},
      {std::string(64, 'a') + ".b", false},
      {times("aaaaaaaa.", 28) + "aa", false},
      {std::string(1 << 20, 'a'), false},
  };
  for (const Row& row : rows) {
    CAPTURE(quoted(row.host));
    const auto result = check_host(row.host);
    CHECK(result.has_value() == row.is_valid);
    if (result) continue;
    CHECK(!result.error().why.empty());
    CHECK(!result.error().fix.empty());
    CHECK(result.error().why.size() < 400);
  }
}

TEST_CASE("PathsAreBroughtToTheFormOfRequestsOrTurnedDown") {
  struct Row {
    std::string path;
    std::string canonical;  // empty = turned down
  };
  const std::vector<Row> rows{
      {"/", "/"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"/a.b/..c/d", "/a.b/..c/d"},
      {"/%61%2Eb", "/a.b"},
      {"/a%2fb", "/a%2Fb"},
      {"/%c3%a9", "/%C3%A9"},
      {"/foo(/|$)(.*)", "/foo(/|$)(.*)"},
      {"/^v[0-9]+$", "/^v[0-9]+$"},
      {"/a;b=1,c", "/a;b=1,c"},
      {"/a{b}`<>\"'", "/a{b}`<>\"'"},
      {"/" + std::string(4095, 'a'), "/" + std::string(4095, 'a')},
      {"", ""},
      {"a", ""},
      {"*", ""},
      {"//", ""},
      {"/a//b", ""},
      {"/.", ""},
      {"/..", ""},
      {"/a/../b", ""},
      {"/a/./b", ""},
      {"/a/..", ""},
      {"/%2e%2e/b", ""},
      {"/a/%2E", ""},
      {"/%", ""},
      {"/%a", ""},
      {"/%zz", ""},
      {"/%00", ""},
      {"/a b", ""},
      {"/a\tb", ""},
      {"/a\r\nX: y", ""},
      {std::string("/a\0b", 4), ""},
      {"/caf\xc3\xa9", ""},
      {"/a\x7f", ""},
      {"/a\\b", ""},
      {"/a?b", ""},
      {"/a#b", ""},
      {"/" + std::string(4096, 'a'), ""},
      {"/" + std::string(1 << 20, 'a'), ""},
  };
  for (const Row& row : rows) {
    CAPTURE(quoted(row.path));
    const auto result = canonical_path(row.path);
    REQUIRE(result.has_value() == !row.canonical.empty());
    if (!result) {
      CHECK(!result.error().fix.empty());
      CHECK(result.error().why.size() < 400);
      continue;
    }
    CHECK(*result == row.canonical);
    CHECK(canonical_path(*result).value_or("turned down") == *result);
  }
}

TEST_CASE("PathsAgreeWithTheNormalisationOfRequests") {
  std::mt19937 random(3);
  const std::vector<std::string> pieces{"/",   "a",   "b",   ".",      "..",  "%2e",  "%2F",
                                        "%61", "%41", "%7e", "%c3%a9", "%25", "%3f",  "%00",
                                        "%zz", "\\",  "|",   ";",      "~",   "\x80", " "};
  int num_canonical = 0;
  for (int round = 0; round < 50'000; ++round) {
    std::string path = "/";
    for (auto n = random() % 6; n > 0; --n) path += pieces[random() % pieces.size()];
    CAPTURE(quoted(path));
    std::string scratch;
    // Whatever listeners are told to make of them.
    constexpr ingress::http::PathOptions kLoose{ingress::http::Slashes::kKeep,
                                                ingress::http::Ambiguous::kKeep};
    const auto of_request = ingress::http::normalize_path(path, kLoose, scratch);
    const auto of_object = canonical_path(path);
    if (of_object) {
      ++num_canonical;
      REQUIRE(of_request.has_value());
      REQUIRE(*of_request == *of_object);
    } else if (of_request && *of_request == path) {
      // What requests can have and objects may not.
      REQUIRE(path.find("//") != std::string::npos);
    }
  }
  CHECK(num_canonical > 1'000);
}

TEST_CASE("AddressesHaveOneSpellingAndAScope") {
  struct Row {
    std::string text, canonical;
    IpScope scope;
  };
  const std::vector<Row> rows{
      {"10.0.0.1", "10.0.0.1", IpScope::kUsable},
      {"127.0.0.1", "127.0.0.1", IpScope::kLocal},
      {"127.255.0.9", "127.255.0.9", IpScope::kLocal},
      {"169.254.169.254", "169.254.169.254", IpScope::kLocal},
      {"0.0.0.0", "0.0.0.0", IpScope::kUnusable},
      {"224.0.0.1", "224.0.0.1", IpScope::kUnusable},
      {"255.255.255.255", "255.255.255.255", IpScope::kUnusable},
      {"::1", "::1", IpScope::kLocal},
      {"0:0:0:0:0:0:0:1", "::1", IpScope::kLocal},
      {"::", "::", IpScope::kUnusable},
      {"fe80::1", "fe80::1", IpScope::kLocal},
      {"febf::1", "febf::1", IpScope::kLocal},
      {"FEC0::1", "fec0::1", IpScope::kUsable},
      {"ff02::1", "ff02::1", IpScope::kUnusable},
      {"2001:DB8::1", "2001:db8::1", IpScope::kUsable},
      {"::ffff:127.0.0.1", "::ffff:127.0.0.1", IpScope::kLocal},
      {"::ffff:10.0.0.1", "::ffff:10.0.0.1", IpScope::kUsable},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto ip = parse_ip(row.text);
    REQUIRE(ip.has_value());
    CHECK(ip->text == row.canonical);
    CHECK(ip->scope == row.scope);
  }
  for (const std::string text : {"", "1", "1.2.3", "01.2.3.4", "1.2.3.4 ", "1.2.3.256", "a.b", "::1%lo",
                                 "[::1]", "1.2.3.4:80", ":::"}) {
    CAPTURE(text);
    CHECK(!parse_ip(text));
  }
  CHECK(!parse_ip(std::string("1.2.3.4\0x", 9)));
}

TEST_CASE("QuotedTextIsPrintableAndShort") {
  CHECK(quoted("a\"b\n\x1b[31m\xff") == "\"a\\x22b\\x0A\\x1B[31m\\xFF\"");
  CHECK(quoted(std::string(1000, 'a')).size() < 100);
}

TEST_CASE("TimestampsFollowRfc3339") {
  struct Row {
    std::string text;
    std::optional<std::int64_t> seconds;
  };
  const std::vector<Row> rows{
      {"1970-01-01T00:00:00Z", 0},
      {"2026-01-02T03:04:05Z", 1767323045},
      {"2026-01-02t03:04:05z", 1767323045},
      {"2026-01-02T03:04:05.123456Z", 1767323045},
      {"2026-01-02T05:04:05+02:00", 1767323045},
      {"2026-01-01T21:34:05-05:30", 1767323045},
      {"2024-02-29T00:00:00Z", 1709164800},
      {"1969-12-31T23:59:59Z", -1},
      {"2016-12-31T23:59:60Z", 1483228800},
      {"0001-01-01T00:00:00Z", -62135596800},
      {"", {}},
      {"2026", {}},
      {"2026-01-02", {}},
      {"2026-01-02T03:04:05", {}},
      {"2026-01-02 03:04:05Z", {}},
      {"2025-02-29T00:00:00Z", {}},
      {"2026-13-01T00:00:00Z", {}},
      {"2026-00-01T00:00:00Z", {}},
      {"2026-01-32T00:00:00Z", {}},
      {"2026-01-02T24:00:00Z", {}},
      {"2026-01-02T03:60:00Z", {}},
      {"2026-01-02T03:04:61Z", {}},
      {"2026-01-02T03:04:05.Z", {}},
      {"2026-01-02T03:04:05+2:00", {}},
      {"2026-01-02T03:04:05+24:00", {}},
      {"2026-01-02T03:04:05Zx", {}},
      {"+026-01-02T03:04:05Z", {}},
      {"20260102T030405Z", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(parse_timestamp(row.text) == row.seconds);
  }
  const std::string whole = "2026-01-02T03:04:05.5+02:00";
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CAPTURE(cut);
    CHECK(!parse_timestamp(std::string_view(whole).substr(0, cut)));
  }
}

TEST_CASE("Base64IsDecodedStrictly") {
  struct Row {
    std::string text;
    std::optional<std::string> decoded;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"YQ==", "a"},
      {"YWI=", "ab"},
      {"YWJj", "abc"},
      {"YW\nJj\r\n", "abc"},
      {"+/+/", "\xfb\xff\xbf"},
      {"AAAA", std::string(3, '\0')},
      {"YQ", {}},
      {"YQ=", {}},
      {"YQ===", {}},
      {"Y===", {}},
      {"====", {}},
      {"=", {}},
      {"YQ==YQ==", {}},
      {"YR==", {}},
      {"YWK=", {}},
      {"YQ==\x01", {}},
      {"Y Q==", {}},
      {"-_-_", {}},
      {"YQ=a", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(decode_base64(row.text) == row.decoded);
  }
}
