#include "http/uri.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

// What every URI allows, and nothing of a listener's own.
constexpr PathOptions kLoose{Slashes::kKeep, Ambiguous::kKeep};

std::string normalize(std::string_view path, PathOptions options = kLoose) {
  std::string scratch;
  const auto result = normalize_path(path, options, scratch);
  return result ? std::string(*result) : dump(result.error());
}

constexpr const char* kBad = "bad_request bad_path";

const std::pair<const char*, const char*> kPaths[] = {
    {"/", "/"},
    {"/a", "/a"},
    {"/a/", "/a/"},
    {"/a/../D", "/D"},
    {"/./D", "/D"},
    {"/a/%2e%2e/D", "/D"},
    {"/a/.%2E/D", "/D"},
    {"/a/%2e./D", "/D"},
    {"/%2e/D", "/D"},
    {"/%73ecret", "/secret"},
    {"/%7Euser/%2D%5f%2E", "/~user/-_."},
    {"/a/b/..", "/a/"},
    {"/a/b/.", "/a/b/"},
    {"/a/b/../", "/a/"},
    {"/a/b/./", "/a/b/"},
    {"/..", "/"},
    {"/.", "/"},
    {"/../../a", "/a"},
    {"/a/../../b", "/b"},
    {"/a/./b/../../c", "/c"},
    {"//D", "//D"},
    {"/a//b", "/a//b"},
    {"/a//../b", "/a/b"},
    {"//..", "/"},
    {"//../a", "/a"},
    {"/.//a", "//a"},
    {"/...", "/..."},
    {"/.a/..b/c.", "/.a/..b/c."},
    {"/a/..;/D", "/a/..;/D"},
    {"/D;v=1", "/D;v=1"},
    {"/a%2fb", "/a%2Fb"},
    {"/a%2F..%2fb", "/a%2F..%2Fb"},
    {"/%252e", "/%252e"},
    {"/%252E%252e/", "/%252E%252e/"},
    {"/%5c", "/%5C"},
    {"/%C3%a9", "/%C3%A9"},
    {"/%20%3f%23%25", "/%20%3F%23%25"},
    {"/%0d%0aX", "/%0D%0AX"},
    {"/:@!$&'()*+,;=\"<>[]^`{|}", "/:@!$&'()*+,;=\"<>[]^`{|}"},
    {"", kBad},
    {"a", kBad},
    {"*", kBad},
    {"/a\\b", kBad},
    {"/%00", kBad},
    {"/%zz", kBad},
    {"/%", kBad},
    {"/%4", kBad},
    {"/%%32e", kBad},
    {"/a b", kBad},
    {"/a\tb", kBad},
    {"/a\x7f", kBad},
    {"/\xc3\xa9", kBad},
    {"/a?b", kBad},
    {"/a#b", kBad},
    {"/%2e%2e/%00", kBad},
};

}  // namespace

TEST_CASE("normalize_path gives one form to all spellings of a path") {
  for (const auto& [path, expected] : kPaths) {
    CAPTURE(std::string(path));
    CHECK_EQ(normalize(path), expected);
    if (expected != kBad) CHECK_EQ(normalize(expected), expected);
  }
}

TEST_CASE("normalize_path gives back the path itself when there is nothing to do") {
  std::string scratch;
  const std::string path = "/a/.b/c%2F%C3%A9";
  CHECK_EQ(static_cast<const void*>(normalize_path(path, {}, scratch)->data()), path.data());
  CHECK(scratch.empty());
}

TEST_CASE("normalize_path merges slashes and refuses ambiguous paths as its options say") {
  constexpr const char* kNo = "bad_request ambiguous_path";
  struct {
    const char* path;
    const char* merged;  // with nothing refused
    const char* by_default;
    const char* strict;
  } const rows[] = {
      {"/a/b", "/a/b", "/a/b", "/a/b"},
      {"//", "/", "/", "/"},
      {"//D", "/D", "/D", "/D"},
      {"/a///b//", "/a/b/", "/a/b/", "/a/b/"},
      {"/a//../b", "/a/b", "/a/b", "/a/b"},
      {"//../a", "/a", "/a", "/a"},
      {"/.//a", "/a", "/a", "/a"},
      {"/a/..;/D", "/a/..;/D", kNo, kNo},
      {"/a/..;x=1/D", "/a/..;x=1/D", kNo, kNo},
      {"/a/%2E.%3b/D", "/a/..%3B/D", kNo, kNo},
      {"/a/.;", "/a/.;", kNo, kNo},
      {"/a/..;/../D", "/a/D", "/a/D", "/a/D"},
      {"/a..;/D", "/a..;/D", "/a..;/D", kNo},
      {"/...;/D", "/...;/D", "/...;/D", kNo},
      {"/D;v=1", "/D;v=1", "/D;v=1", kNo},
      {"/D%3Bv=1", "/D%3Bv=1", "/D%3Bv=1", "/D%3Bv=1"},
      {"/a%2fb", "/a%2Fb", "/a%2Fb", kNo},
      {"/a%5cb", "/a%5Cb", "/a%5Cb", kNo},
      {"/a%2f..%2fD", "/a%2F..%2FD", kNo, kNo},
      {"/a/..%2fD", "/a/..%2FD", kNo, kNo},
      {"/a%5c%2e%2e", "/a%5C..", kNo, kNo},
      {"/..%5cD", "/..%5CD", kNo, kNo},
      {"/%2f", "/%2F", "/%2F", kNo},
      {"/%252e%252e/D", "/%252e%252e/D", "/%252e%252e/D", kNo},
      {"/a%252Fb", "/a%252Fb", "/a%252Fb", kNo},
      {"/a%255cb", "/a%255cb", "/a%255cb", kNo},
      {"/%25a", "/%25a", "/%25a", "/%25a"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.path));
    CHECK_EQ(normalize(row.path, {Slashes::kMerge, Ambiguous::kKeep}), row.merged);
    CHECK_EQ(normalize(row.path, {}), row.by_default);
    CHECK_EQ(normalize(row.path, {Slashes::kMerge, Ambiguous::kReject}), row.strict);
  }
}

TEST_CASE("parse_authority takes names, addresses and ports, strictly") {
  struct {
    const char* text;
    const char* host;  // null = refused
    unsigned port;
  } const rows[] = {
      {"a", "a", 0},
      {"A.b-c_d.example", "A.b-c_d.example", 0},
      {"a.", "a.", 0},
      {"a:1", "a", 1},
      {"a:65535", "a", 65535},
      {"a:00080", "a", 80},
      {"a:", "a", 0},
      {"127.0.0.1:80", "127.0.0.1", 80},
      {"[::1]", "[::1]", 0},
      {"[::1]:443", "[::1]", 443},
      {"[::ffff:1.2.3.4]:", "[::ffff:1.2.3.4]", 0},
      {"", nullptr, 0},
      {":", nullptr, 0},
      {":80", nullptr, 0},
      {".", nullptr, 0},
      {".a", nullptr, 0},
      {"a..b", nullptr, 0},
      {"a:0", nullptr, 0},
      {"a:65536", nullptr, 0},
      {"a:000080", nullptr, 0},
      {"a:+80", nullptr, 0},
      {"a:-1", nullptr, 0},
      {"a:80 ", nullptr, 0},
      {"a:80:80", nullptr, 0},
      {"::1", nullptr, 0},
      {"[]", nullptr, 0},
      {"[::1", nullptr, 0},
      {"[::1]x", nullptr, 0},
      {"[::1]80", nullptr, 0},
      {"[1.2.3.4]", nullptr, 0},
      {"[v1.x]", nullptr, 0},
      {"[fe80::1%eth0]", nullptr, 0},
      {"a b", nullptr, 0},
      {"a,b", nullptr, 0},
      {"u@a", nullptr, 0},
      {"a/b", nullptr, 0},
      {"a%41", nullptr, 0},
      {"a~", nullptr, 0},
      {"a;b", nullptr, 0},
      {"*", nullptr, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.text));
    const auto authority = parse_authority(row.text);
    REQUIRE_EQ(authority.has_value(), row.host != nullptr);
    if (!row.host) continue;
    CHECK_EQ(authority->host, row.host);
    CHECK_EQ(authority->port, row.port);
  }
  CHECK(parse_authority(std::string(255, 'a')).has_value());
  CHECK_FALSE(parse_authority(std::string(256, 'a')).has_value());
}

TEST_CASE("parse_target puts the authority of an absolute target in the place of Host") {
  RequestHead head;
  REQUIRE(parse_target("GET", "http://In.Target:81/a?b", "in.field:82", {}, head).has_value());
  CHECK_EQ(head.host(), "in.target");
  CHECK_EQ(head.port(), 81);
  CHECK_EQ(head.authority(), "In.Target:81");
  REQUIRE(parse_target("GET", "/a", "in.field:82", {}, head).has_value());
  CHECK_EQ(head.host(), "in.field");
  REQUIRE(parse_target("GET", "/a", "", {}, head).has_value());
  CHECK_EQ(head.host(), "");
  CHECK_EQ(head.port(), 0);
}
