#include "config/syntax.h"

#include <doctest/doctest.h>

#include <string>

using namespace ingress::config;
using namespace std::string_literals;

TEST_CASE("HostPatternsAreNamesAddressesAndWildcardsOfNames") {
  const std::string label63(63, 'a');
  const std::string name253 = label63 + "." + label63 + "." + label63 + "." + std::string(61, 'b');
  for (const std::string& good :
       {"a"s, "a.b"s, "shop.example.com"s, "*.a.b"s, "**.a.b"s, "*.com"s, "1.2.3.4"s, "[::1]"s,
        "[fd00::1:2]"s, "x_y.example"s, "1a.2b"s, "3.example"s, "xn--bcher-kva.example"s, label63 + ".a",
        name253, "*." + name253}) {
    CAPTURE(good);
    CHECK(host_pattern_fault(good) == nullptr);
  }
  for (const std::string& bad :
       {""s,         "."s,      "a."s,          ".a"s,           "a..b"s,       "*"s,         "**"s,
        "*."s,       "***.a"s,  "a*.b"s,        "*a.b"s,         "a.*"s,        "*.*.a"s,     "*.1.2.3.4"s,
        "A.b"s,      "a.b:80"s, "::1"s,         "[::1"s,         "[]"s,         "[1.2.3.4]"s, "[FD00::1]"s,
        "[::1]:80"s, "1.2.3"s,  "1.2.3.256"s,   "-a.b"s,         "a-.b"s,       "a b"s,       "a/b"s,
        "a\0b"s,     "a\n"s,    "caf\xc3\xa9"s, label63 + "a.b", name253 + "c", "*.-a"s}) {
    CAPTURE(bad);
    CHECK(host_pattern_fault(bad) != nullptr);
  }
}

TEST_CASE("PathsAreWhatANormalisedPathCanEqual") {
  for (const char* good : {"/", "/a", "/a/", "//", "/a//b", "/%2F", "/%C3%A9", "/a.b", "/...", "/.a", "/a..",
                           "/~!$&'()*+,;=:@", "/|\"<>^`{}"}) {
    CAPTURE(good);
    CHECK(path_fault(good) == nullptr);
  }
  for (const std::string& bad :
       {""s,    "a"s,  "*"s,   "/a?b"s, "/a#b"s, "/a b"s, "/\t"s, "/\0"s,     "/\x7f"s, "/\xc3\xa9"s,
        "/\\"s, "/%"s, "/%2"s, "/%zz"s, "/%00"s, "/."s,   "/.."s, "/a/../b"s, "/a/."s,  "/./a"s}) {
    CAPTURE(bad);
    CHECK(path_fault(bad) != nullptr);
  }
}

TEST_CASE("HeaderValuesAreTrimmedUtf8WithoutControls") {
  for (const std::string& good :
       {""s, "a"s, "a b"s, "a\tb"s, "caf\xc3\xa9"s, "\xf0\x9f\x98\x80"s, "\"q\""s}) {
    CAPTURE(good);
    CHECK(is_header_value(good));
  }
  for (const std::string& bad : {" a"s, "a "s, "\ta"s, "a\r"s, "a\nb"s, "\0"s, "a\x7f"s, "\xff"s, "\xc3"s,
                                 "\xc0\xaf"s, "\xed\xa0\x80"s}) {
    CAPTURE(bad);
    CHECK_FALSE(is_header_value(bad));
  }
}

TEST_CASE("AddressesHaveOneSpelling") {
  CHECK(canonical_address("0:0:0:0:0:0:0:1") == "::1");
  CHECK(canonical_address("FD00::0001") == "fd00::1");
  CHECK(canonical_address("10.0.0.1") == "10.0.0.1");
  CHECK(canonical_address("Backend.Example") == "backend.example");
  CHECK(canonical_address("") == "");
}

TEST_CASE("QuotedTextIsPrintableAndShort") {
  CHECK(quoted("a b") == "'a b'");
  CHECK(quoted("\x1b[31m\n\xff") == "'\\x1b[31m\\x0a\\xff'");
  CHECK(quoted(std::string(81, 'x')) == "'" + std::string(80, 'x') + "...'");
}
