#include "base/text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace ingress::base;
using namespace std::string_literals;

TEST_CASE("CaseFoldsAsciiOnly") {
  CHECK(to_lower_ascii("AZ-az@[\xc3\x84") == "az-az@[\xc3\x84");
  CHECK(equals_ignore_case("Content-Length", "cONTENT-lENGTH"));
  CHECK(equals_ignore_case("", ""));
  CHECK_FALSE(equals_ignore_case("a", "ab"));
  CHECK_FALSE(equals_ignore_case("@", "`"));
  CHECK_FALSE(equals_ignore_case("[", "{"));
}

TEST_CASE("TokensAreTcharsOnly") {
  const std::string_view tchars = "!#$%&'*+-.^_`|~";
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    CAPTURE(byte);
    CHECK(is_token_char(c) == (is_alnum || (c != '\0' && tchars.find(c) != tchars.npos)));
  }
  CHECK(is_token("x-tenant"));
  CHECK_FALSE(is_token(""));
  CHECK_FALSE(is_token("a b"));
}

TEST_CASE("TrimTakesSpacesAndTabsOnly") {
  CHECK(trim_ows(" \t a b\t ") == "a b");
  CHECK(trim_ows(" \t ").empty());
  CHECK(trim_ows("\ra\n") == "\ra\n");
}

TEST_CASE("ListsSplitAtCommas") {
  struct Row {
    std::string_view list;
    std::vector<std::string_view> elements;
  };
  const Row rows[] = {
      {"", {}},
      {"a", {"a"}},
      {"a,b", {"a", "b"}},
      {" a ,\tb , ", {"a", "b"}},
      {",,a,,b,,", {"a", "b"}},
      {" , ", {}},
      {"foo , ,bar,charlie", {"foo", "bar", "charlie"}},
      {R"(a;x="1,2", b)", {R"(a;x="1,2")", "b"}},
      {R"(a="\",", b)", {R"(a="\",")", "b"}},
      {R"(a=", b)", {R"(a=", b)"}},
      {R"(a="\)", {R"(a="\)"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.list);
    std::vector<std::string_view> elements;
    std::string_view rest = row.list;
    while (const auto element = next_list_element(rest)) elements.push_back(*element);
    CHECK(elements == row.elements);
  }
}

TEST_CASE("ListsOfTokensSplitAtEveryComma") {
  struct Row {
    std::string_view list;
    std::vector<std::string_view> elements;
  };
  const Row rows[] = {
      {"", {}},
      {"a", {"a"}},
      {",, a ,\tb , ", {"a", "b"}},
      {" , ", {}},
      {R"(", close)", {R"(")", "close"}},
      {R"(x="1,2",b)", {R"(x="1)", R"(2")", "b"}},
      {R"("\",a)", {R"("\")", "a"}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.list);
    std::vector<std::string_view> elements;
    std::string_view rest = row.list;
    while (const auto element = next_list_token(rest)) elements.push_back(*element);
    CHECK(elements == row.elements);
  }
}

TEST_CASE("DecimalsAreDigitsThatFit") {
  CHECK(parse_decimal("0") == 0u);
  CHECK(parse_decimal("007") == 7u);
  CHECK(parse_decimal("18446744073709551615") == 18446744073709551615u);
  CHECK(parse_decimal("000000000000000000000000000007") == 7u);
  for (const auto& bad : {""s, "18446744073709551616"s, "+1"s, "-1"s, " 1"s, "1 "s, "0x1"s, "1.0"s, "1\0"s,
                          "99999999999999999999999999"s}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_decimal(bad));
  }
  CHECK(parse_decimal<std::uint16_t>("65535") == 65535);
  CHECK_FALSE(parse_decimal<std::uint16_t>("65536"));
}

TEST_CASE("AddressesAreToldApart") {
  struct Row {
    std::string text;
    bool is_v4;
    bool is_v6;
  };
  const Row rows[] = {
      {"10.0.0.1", true, false},
      {"127.0.0.1", true, false},
      {"127.255.0.3", true, false},
      {"0.0.0.0", true, false},
      {"169.254.169.254", true, false},
      {"169.253.0.1", true, false},
      {"::1", false, true},
      {"::", false, true},
      {"::2", false, true},
      {"fe80::1", false, true},
      {"febf::1", false, true},
      {"fec0::1", false, true},
      {"fd00::1", false, true},
      {"::ffff:127.0.0.1", false, true},
      {"::ffff:a9fe:a9fe", false, true},
      {"::ffff:10.0.0.1", false, true},
      {"", false, false},
      {"127.1", false, false},
      {"127.0.0.1 ", false, false},
      {"127.0.0.1\0"s, false, false},
      {"0x7f.0.0.1", false, false},
      {"127.0.0.1:80", false, false},
      {"[::1]", false, false},
      {"fe80::1%eth0", false, false},
      {"localhost", false, false},
      {std::string(100, '1'), false, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(is_ipv4_address(row.text) == row.is_v4);
    CHECK(is_ipv6_address(row.text) == row.is_v6);
    CHECK(is_ip_address(row.text) == (row.is_v4 || row.is_v6));
  }
  CHECK_FALSE(is_ip_address(std::string_view()));  // which has no bytes at all to copy
}

TEST_CASE("DnsNamesFollowRfc1123InLowerCase") {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  for (const auto& good : {"a"s, "a.b"s, "1.2.3.4"s, "x-1.example.com"s, label, longest}) {
    CAPTURE(good);
    CHECK(is_dns_name(good));
  }
  for (const auto& bad : {""s, "."s, "a."s, ".a"s, "a..b"s, "A.b"s, "-a.b"s, "a-.b"s, "a_b"s, "*.a"s, "a b"s,
                          "a\0b"s, label + "a", longest + "a", "\xc3\xa4.de"s}) {
    CAPTURE(bad);
    CHECK_FALSE(is_dns_name(bad));
  }
  CHECK_FALSE(is_dns_label("a.b"));
}

TEST_CASE("Utf8IsRfc3629") {
  for (const auto& good : {""s, "a"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s, "\xed\x9f\xbf"s,
                           "\xee\x80\x80"s, "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "\0"s}) {
    CAPTURE(good);
    CHECK(is_utf8(good));
    // Every cut of a sequence is refused.
    for (std::size_t cut = 1; cut < good.size(); ++cut) CHECK_FALSE(is_utf8(good.substr(0, cut)));
  }
  for (const auto& bad :
       {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2\x7f"s, "\xe0\x9f\xbf"s, "\xed\xa0\x80"s, "\xf0\x8f\xbf\xbf"s,
        "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "\xe2\x82\x28"s}) {
    CAPTURE(bad);
    CHECK_FALSE(is_utf8(bad));
  }
}
