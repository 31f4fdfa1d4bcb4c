#include "base/address_class.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ingress::base {
namespace {

struct Row {
  std::string text;
  std::string expected;
};
// Long because it is the table of classes: one line per form of an address.
const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {"10.0.0.1", "ordinary"},
      {"100.64.0.1", "ordinary"},
      {"126.255.255.255", "ordinary"},
      {"127.0.0.0", "loopback"},
      {"127.0.0.1", "loopback"},
      {"127.255.255.255", "loopback"},
      {"128.0.0.0", "ordinary"},
      {"169.253.255.255", "ordinary"},
      {"169.254.0.0", "link_local"},
      {"169.254.169.254", "link_local"},
      {"169.255.0.0", "ordinary"},
      {"192.168.1.1", "ordinary"},
      {"0.0.0.0", "unspecified"},
      {"0.1.2.3", "unspecified"},
      {"1.0.0.0", "ordinary"},
      {"223.255.255.255", "ordinary"},
      {"224.0.0.0", "multicast"},
      {"239.255.255.255", "multicast"},
      {"240.0.0.0", "reserved"},
      {"255.255.255.255", "reserved"},
      {"::", "unspecified"},
      {"::1", "loopback"},
      {"0:0:0:0:0:0:0:1", "loopback"},
      {"::2", "unspecified"},
      {"fe7f:ffff::1", "ordinary"},
      {"fe80::1", "link_local"},
      {"fe80::1%eth0", "link_local"},
      {"febf::1", "link_local"},
      {"fec0::1", "ordinary"},
      {"fd00::1", "ordinary"},
      {"fd00:ec2::254", "link_local"},
      {"fd00:ec2::255", "ordinary"},
      {"2001:db8::1", "ordinary"},
      {"feff::1", "ordinary"},
      {"ff02::1", "multicast"},
      // Mapped and compatible.
      {"::ffff:10.0.0.1", "ordinary"},
      {"::ffff:127.0.0.1", "loopback"},
      {"::FFFF:7f00:1", "loopback"},
      {"::ffff:169.254.169.254", "link_local"},
      {"::ffff:0.0.0.0", "unspecified"},
      {"::ffff:224.0.0.1", "multicast"},
      {"::ffff:255.255.255.255", "reserved"},
      {"::127.0.0.1", "loopback"},
      {"::10.0.0.1", "ordinary"},
      {"::169.254.1.1", "link_local"},
      // NAT64 under the prefix of all and under prefixes of one's own.
      {"64:ff9b::10.0.0.1", "ordinary"},
      {"64:ff9b::127.0.0.1", "loopback"},
      {"64:ff9b::a9fe:a9fe", "link_local"},
      {"64:ff9b::", "unspecified"},
      {"64:ff9b:1::127.0.0.1", "loopback"},
      {"64:ff9b:1:abcd::169.254.169.254", "link_local"},
      {"64:ff9b:1:7f00:0:100::", "loopback"},
      {"64:ff9b:1:a00:0:100::", "ordinary"},
      {"64:ff9b:2::127.0.0.1", "ordinary"},
      // 6to4.
      {"2002:7f00:1::1", "loopback"},
      {"2002:a9fe:a9fe::", "link_local"},
      {"2002:a00:1::1", "ordinary"},
  };
  return all;
}

TEST_CASE("EachAddressHasItsClassInWhateverFormItIsWritten") {
  for (const Row& row : rows()) {
    CAPTURE(row.text);
    const auto got = classify_address(row.text);
    REQUIRE(got);
    CHECK(to_string(*got) == row.expected);
  }
}

TEST_CASE("TextThatIsNoLiteralHasNoClass") {
  for (const std::string text : {"", "localhost", "127.1", "0x7f.0.0.1", "2130706433", "017700000001",
                                 "127.0.0.1:80", "127.0.0.1%lo", "[::1]", "1.2.3.4 ", "%eth0", ":::"}) {
    CAPTURE(text);
    CHECK(!classify_address(text));
  }
  CHECK(!classify_address(std::string("127.0.0.1\0.x", 12)));
}

TEST_CASE("PublicIsOnlyWhatTheInternetHas") {
  for (const char* text :
       {"1.1.1.1",         "9.255.255.255", "11.0.0.0",        "100.63.255.255",   "100.128.0.0",
        "172.15.255.255",  "172.32.0.0",    "192.0.1.0",       "192.167.255.255",  "192.169.0.0",
        "198.17.255.255",  "198.20.0.0",    "223.255.255.255", "2000::",           "2001:200::1",
        "2606:4700::1111", "3ffe:ffff::1",  "::ffff:1.1.1.1",  "64:ff9b::101:101", "2002:101:101::1"}) {
    CAPTURE(text);
    CHECK(is_public_address(text));
  }
  for (const char* text : {"10.0.0.1",
                           "100.64.0.1",
                           "127.0.0.1",
                           "169.254.169.254",
                           "172.16.0.1",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.1.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "0.0.0.0",
                           "224.0.0.1",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::1.1.1.1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "fe80::1%eth0",
                           "fec0::1",
                           "ff02::1",
                           "100::1",
                           "2001::1",
                           "2001:1ff::1",
                           "2001:db8::1",
                           "3fff::1",
                           "4000::1",
                           "::ffff:10.0.0.1",
                           "::ffff:127.0.0.1",
                           "64:ff9b::a00:1",
                           "64:ff9b:1::101:101",
                           "2002:a00:1::1",
                           "1.1.1",
                           "localhost",
                           ""}) {
    CAPTURE(text);
    CHECK_FALSE(is_public_address(text));
  }
  CHECK_FALSE(is_public_address(std::string_view("1.1.1.1\0", 8)));
}

}  // namespace
}  // namespace ingress::base
