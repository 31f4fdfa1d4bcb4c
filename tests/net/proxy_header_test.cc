#include "net/proxy_header.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace ingress;
using std::literals::operator""s;

namespace {

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

// A header of version 2, but for its length, which follows from `rest`.
std::string v2(unsigned command, unsigned family, const std::string& rest, std::size_t more = 0) {
  const std::size_t size = rest.size() + more;
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         static_cast<char>(size >> 8U & 0xffU) + static_cast<char>(size & 0xffU) + rest;
}
std::string tlv(unsigned type, const std::string& value) {
  return ""s + static_cast<char>(type) + static_cast<char>(value.size() >> 8U) +
         static_cast<char>(value.size() & 0xffU) + value;
}
const std::string kIpv4 =
    "\xc0\x00\x02\x07\x0a\x00\x00\x02\xdc\x04\x01\xbb"s;  // 192.0.2.7 10.0.0.2 56324 443
const std::string kIpv6 =
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
    "\xdc\x04\x01\xbb"s;
const std::string kMappedIpv6 =
    "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"
    "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
    "\xdc\x04\x01\xbb"s;

// "192.0.2.7 56324 -> 10.0.0.2 443", "nobody", "more", or "error: " and which.
std::string outcome_of(std::string_view bytes, std::size_t* size = nullptr) {
  const auto parsed = net::parse_proxy_header(bytes);
  if (!parsed) return "error: "s + parsed.error().what;
  if (!*parsed) return "more";
  if (size != nullptr) *size = (*parsed)->size_bytes;
  if (!(*parsed)->addresses) return "nobody";
  const auto& [client, destination] = *(*parsed)->addresses;
  return std::string(client.view()) + " " + std::to_string(client.port) + " -> " +
         std::string(destination.view()) + " " + std::to_string(destination.port);
}

struct Row {
  std::string input;
  std::string outcome;
};

// Each input alone, with bytes behind it, and cut at every byte: what is decided stays so, and a header ends
// where it ends.
void check_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.input);
    std::size_t size = 0;
    CHECK(outcome_of(row.input, &size) == row.outcome);
    const bool is_header = !row.outcome.starts_with("error") && row.outcome != "more";
    if (is_header) CHECK(size == row.input.size());
    bool is_decided = false;
    for (std::size_t cut = 0; cut < row.input.size(); ++cut) {
      CAPTURE(cut);
      const std::string front = outcome_of(std::string_view(row.input).substr(0, cut));
      if (is_header) REQUIRE(front == "more");
      if (front == "more") REQUIRE_FALSE(is_decided);
      if (front != "more") REQUIRE(front == row.outcome);
      is_decided = front != "more";
    }
    if (row.outcome == "more") continue;
    std::size_t size_with_more = 0;
    CHECK(outcome_of(row.input + "GET / HTTP/1.1\r\n\r\n", &size_with_more) == row.outcome);
    CHECK(size_with_more == size);
  }
}

const std::string kClient4 = "192.0.2.7 56324 -> 10.0.0.2 443";
const std::string kClient6 = "2001:db8::7 56324 -> fd00::2 443";

}  // namespace

TEST_CASE("ReadsHeadersOfVersion1") {
  const std::string longest = "PROXY UNKNOWN " + std::string(107 - 16, 'f') + "\r\n";
  REQUIRE(longest.size() == 107);
  check_rows({
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\r\n", kClient4},
      {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
       "255.255.255.255 65535 -> 255.255.255.255 65535"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 0 0\r\n", "192.0.2.7 0 -> 10.0.0.2 0"},
      {"PROXY TCP6 2001:db8::7 fd00::2 56324 443\r\n", kClient6},
      {"PROXY TCP6 2001:0DB8:0:0:0:0:0:0007 fd00::2 56324 443\r\n", kClient6},
      {"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.2 56324 443\r\n", kClient4},
      {"PROXY UNKNOWN\r\n", "nobody"},
      {"PROXY UNKNOWN \r\n", "nobody"},
      {"PROXY UNKNOWN ffff:f::ffff ffff::1 65535 65535\r\n", "nobody"},
      {"PROXY UNKNOWN 192.0.2.7 10.0.0.2 56324 443\r\n", "nobody"},
      {longest, "nobody"},
      {"", "more"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\r", "more"},
  });
}

TEST_CASE("RefusesWhatIsNoHeaderOfVersion1") {
  check_rows({
      {"G", "error: proxy_signature"},
      {"GET / HTTP/1.1\r\n", "error: proxy_signature"},
      {"\x16\x03\x01\x02\x00\x01", "error: proxy_signature"},
      {"proxy TCP4 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_signature"},
      {"PROXY\tTCP4 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_signature"},
      {"PROXY\r\n", "error: proxy_signature"},
      {"PROXY \r\n", "error: proxy_family"},
      {"PROXY  TCP4 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_family"},
      {"PROXY tcp4 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_family"},
      {"PROXY TCP5 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_family"},
      {"PROXY UDP4 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_family"},
      {"PROXY UNKNOWNS\r\n", "error: proxy_family"},
      {"PROXY TCP4\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 \r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443 \r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443 1\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7  10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 056324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 65536 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 -1 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 +1 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.07 10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2 10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.256 10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7\0 10.0.0.2 56324 443\r\n"s, "error: proxy_address"},
      {"PROXY TCP4 2001:db8::7 fd00::2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP6 192.0.2.7 10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP6 2001:db8::7 10.0.0.2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP6 fe80::1%eth0 fd00::2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP6 [2001:db8::7] fd00::2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP6 2001:db8:::7 fd00::2 56324 443\r\n", "error: proxy_address"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\n", "error: proxy_line"},
      {"PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\rG", "error: proxy_line"},
      {"PROXY UNKNOWN\r\r\n", "error: proxy_line"},
      {"PROXY UNKNOWN " + std::string(92, 'f') + "\r\n", "error: proxy_line"},  // 108 bytes
      {"PROXY UNKNOWN " + std::string(200, 'f'), "error: proxy_line"},
  });
}

TEST_CASE("ReadsHeadersOfVersion2") {
  check_rows({
      {v2(0x21, 0x11, kIpv4), kClient4},
      {v2(0x21, 0x21, kIpv6), kClient6},
      {v2(0x21, 0x21, kMappedIpv6), "192.0.2.7 56324 -> fd00::2 443"},
      {v2(0x21, 0x11, kIpv4 + tlv(0x02, "a.example") + tlv(0x04, "") + tlv(0xee, "x")), kClient4},
      {v2(0x21, 0x11, kIpv4 + tlv(0x04, std::string(4096 - 16 - 12 - 3, 'x'))), kClient4},
      {v2(0x20, 0x00, ""), "nobody"},
      {v2(0x20, 0x11, kIpv4), "nobody"},
      {v2(0x20, 0x11, "short"), "nobody"},
      {v2(0x20, 0xff, "what it is does not matter"), "nobody"},
      {v2(0x21, 0x00, ""), "nobody"},
      {v2(0x21, 0x00, "what it is does not matter"), "nobody"},
      {v2(0x21, 0x10, kIpv4), "nobody"},
      {v2(0x21, 0x01, ""), "nobody"},
      {v2(0x21, 0x12, kIpv4), "nobody"},
      {v2(0x21, 0x22, kIpv6), "nobody"},
      {v2(0x21, 0x31, std::string(216, '/')), "nobody"},
      {v2(0x21, 0x32, std::string(216, '/')), "nobody"},
      {v2(0x21, 0x11, kIpv4, 1), "more"},
      {kSignature, "more"},
  });
}

TEST_CASE("RefusesWhatIsNoHeaderOfVersion2") {
  check_rows({
      {"\r\nPROXY", "error: proxy_signature"},
      {"\r\n\r\n\r\n", "error: proxy_signature"},
      {"\r\n\r\n\0\r\nQUIT\r"s, "error: proxy_signature"},
      {v2(0x11, 0x11, kIpv4), "error: proxy_command"},
      {v2(0x31, 0x11, kIpv4), "error: proxy_command"},
      {v2(0x22, 0x11, kIpv4), "error: proxy_command"},
      {v2(0x2f, 0x11, kIpv4), "error: proxy_command"},
      {v2(0x21, 0x41, kIpv4), "error: proxy_family"},
      {v2(0x21, 0x13, kIpv4), "error: proxy_family"},
      {v2(0x21, 0xff, kIpv4), "error: proxy_family"},
      {v2(0x21, 0x11, kIpv4.substr(1)), "error: proxy_length"},
      {v2(0x21, 0x11, ""), "error: proxy_length"},
      {v2(0x21, 0x21, kIpv4), "error: proxy_length"},
      {v2(0x21, 0x31, std::string(215, '/')), "error: proxy_length"},
      {v2(0x21, 0x11, kIpv4, 4096 - 16 - 12 + 1), "error: proxy_length"},
      {v2(0x20, 0x00, "", 65'535), "error: proxy_length"},
      {v2(0x21, 0x11, kIpv4 + "\x04"), "error: proxy_extension"},
      {v2(0x21, 0x11, kIpv4 + "\x04\x00"s), "error: proxy_extension"},
      {v2(0x21, 0x11, kIpv4 + "\x04\x00\x01"s), "error: proxy_extension"},
      {v2(0x21, 0x11, kIpv4 + tlv(0x04, "a") + "\x04\xff\xff"), "error: proxy_extension"},
  });
}

// The sum is from another implementation, which gives 0xe3069283 for "123456789".
TEST_CASE("VerifiesTheChecksumWhereThereIsOne") {
  const auto with = [](const std::string& sum, const std::string& behind = "") {
    return v2(0x21, 0x11, kIpv4 + tlv(0x03, sum) + behind);
  };
  const std::string right = "\xd0\x36\xbb\xe0"s;
  check_rows({
      {with(right), kClient4},
      {with("\0\0\0\0"s), "error: proxy_extension"},
      {with(right.substr(1)), "error: proxy_extension"},
      {with(right + "\0"s), "error: proxy_extension"},
      {with(right, tlv(0x03, right)), "error: proxy_extension"},
  });
  for (std::size_t i = 0; i < with(right).size(); ++i) {
    CAPTURE(i);
    std::string changed = with(right);
    changed[i] ^= 1;
    // It becomes LOCAL, of no protocol, or loses its checksum: what is left of it has no meaning, or none to
    // be checked.
    const bool is_lost = i == 12 || i == 13;
    const std::string outcome = outcome_of(changed);
    if (is_lost) CHECK(outcome == "nobody");
    if (i == 28) CHECK(outcome == kClient4);
    if (!is_lost && i != 28) CHECK((outcome.starts_with("error") || outcome == "more"));
  }
}

TEST_CASE("WhatIsWrittenIsRead") {
  const auto address = [](std::string_view text, std::uint16_t port) {
    net::PeerAddress peer;
    text.copy(peer.text, sizeof peer.text - 1);
    peer.port = port;
    return peer;
  };
  struct Case {
    net::ProxyAddresses addresses;
    std::string v1, outcome;
  };
  const std::vector<Case> cases = {
      {{address("192.0.2.7", 56324), address("10.0.0.2", 443)},
       "PROXY TCP4 192.0.2.7 10.0.0.2 56324 443\r\n",
       kClient4},
      {{address("2001:db8::7", 56324), address("fd00::2", 443)},
       "PROXY TCP6 2001:db8::7 fd00::2 56324 443\r\n",
       kClient6},
      // As when a trusted proxy names a client of another family.
      {{address("2001:db8::7", 0), address("10.0.0.2", 443)},
       "PROXY TCP6 2001:db8::7 ::ffff:10.0.0.2 0 443\r\n",
       "2001:db8::7 0 -> 10.0.0.2 443"},
      {{address("192.0.2.7", 0), address("fd00::2", 443)},
       "PROXY TCP6 ::ffff:192.0.2.7 fd00::2 0 443\r\n",
       "192.0.2.7 0 -> fd00::2 443"},
      {{address("192.0.2.7", 5), address("unix", 0)},
       "PROXY TCP4 192.0.2.7 0.0.0.0 5 0\r\n",
       "192.0.2.7 5 -> 0.0.0.0 0"},
      {{address("2001:db8::7", 5), address("", 0)},
       "PROXY TCP6 2001:db8::7 :: 5 0\r\n",
       "2001:db8::7 5 -> :: 0"},
      {{address("unix", 0), address("unix", 0)}, "PROXY UNKNOWN\r\n", "nobody"},
      {{address("", 0), address("10.0.0.2", 443)}, "PROXY UNKNOWN\r\n", "nobody"},
  };
  for (const Case& row : cases) {
    CAPTURE(row.v1);
    CHECK(net::proxy_header_v1(&row.addresses) == row.v1);
    check_rows({{row.v1, row.outcome}, {net::proxy_header_v2(&row.addresses), row.outcome}});
  }
  CHECK(net::proxy_header_v1(nullptr) == "PROXY UNKNOWN\r\n");
  CHECK(net::proxy_header_v2(nullptr) == v2(0x20, 0x00, ""));
  CHECK(net::proxy_header_v2(&cases[0].addresses) == v2(0x21, 0x11, kIpv4));
  CHECK(net::proxy_header_v2(&cases[1].addresses) == v2(0x21, 0x21, kIpv6));
}
