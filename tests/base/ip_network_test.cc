#include "base/ip_network.h"

#include <doctest/doctest.h>

#include <string>

namespace ingress::base {
namespace {

bool contains(const char* network, const char* address) {
  const auto parsed = IpNetwork::parse(network);
  const auto parsed_address = parse_ip_address(address);
  REQUIRE(parsed.has_value());
  REQUIRE(parsed_address.has_value());
  return parsed->contains(*parsed_address);
}

TEST_CASE("An IPv4 address and its mapped form are one") {
  CHECK(parse_ip_address("192.0.2.1") == parse_ip_address("::ffff:192.0.2.1"));
  CHECK(parse_ip_address("192.0.2.1")->is_ipv4());
  CHECK_FALSE(parse_ip_address("::192.0.2.1")->is_ipv4());
  CHECK(parse_ip_address("fd00::1") == parse_ip_address("FD00:0:0::0001"));
}

TEST_CASE("What is no address or no network is none") {
  for (const char* text : {"", "a", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "[::1]", "::1%lo",
                           "1.2.3.4 ", "1.2.3.4:80", "1:2:3:4:5:6:7:8:9", "/8"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(parse_ip_address(text).has_value());
    CHECK_FALSE(IpNetwork::parse(text).has_value());
  }
  CHECK_FALSE(parse_ip_address(std::string("1.2.3.4\0x", 9)).has_value());
  CHECK_FALSE(parse_ip_address(std::string(500, '1')).has_value());
  for (const char* text :
       {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/0008", "10.0.0.0/8/8", "10.0.0.1/8", "0.0.0.1/0",
        "fd00::/129", "fd00::1/8", "::ffff:10.0.0.0/8", "fd00::/ 8"}) {
    CAPTURE(std::string(text));
    CHECK_FALSE(IpNetwork::parse(text).has_value());
  }
}

TEST_CASE("A network holds what shares its prefix, to the bit, and only its own family") {
  CHECK(contains("10.0.0.0/8", "10.255.0.1"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("10.0.0.0/8", "::ffff:10.1.1.1"));
  CHECK(contains("192.0.2.128/25", "192.0.2.128"));
  CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
  CHECK(contains("192.0.2.7", "192.0.2.7"));
  CHECK_FALSE(contains("192.0.2.7", "192.0.2.6"));
  CHECK(contains("0.0.0.0/0", "255.255.255.255"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK(contains("::/0", "2001:db8::1"));
  CHECK_FALSE(contains("::/0", "192.0.2.1"));
  CHECK(contains("::ffff:10.0.0.0/104", "10.1.2.3"));
  CHECK(contains("fd00::/9", "fd7f::"));
  CHECK_FALSE(contains("fd00::/9", "fd80::"));
}

}  // namespace
}  // namespace ingress::base
