#include "policy/trusted_proxies.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ingress::policy {
namespace {

const std::vector<std::string> kTrusted = {"10.0.0.0/8", "fd00::/8", "unix"};

std::string client_of(const std::vector<std::string>& fields, std::string_view peer = "10.0.0.1") {
  Headers headers;
  headers.add("Accept", "192.0.2.99");
  for (const std::string& value : fields) headers.add("X-Forwarded-For", value);
  return std::string(TrustedProxies(kTrusted).find_client(headers, peer));
}

TEST_CASE("OnlyPeersOfTheListAreTrusted") {
  const TrustedProxies proxies(kTrusted);
  for (const char* peer : {"10.1.2.3", "::ffff:10.1.2.3", "fd12::1", "unix"}) {
    CAPTURE(peer);
    CHECK(proxies.trusts_peer(peer));
    CHECK_FALSE(TrustedProxies({}).trusts_peer(peer));
  }
  for (const char* peer : {"11.0.0.1", "::1", "", "unix:", "10.1.2.3:80"}) {
    CAPTURE(peer);
    CHECK_FALSE(proxies.trusts_peer(peer));
  }
}

TEST_CASE("TheClientIsTheLastAddressThatIsNotOneOfOurs") {
  struct Row {
    std::vector<std::string> fields;
    const char* client;
  };
  const Row rows[] = {
      {{}, "10.0.0.1"},
      {{"192.0.2.7"}, "192.0.2.7"},
      {{"6.6.6.6, 192.0.2.7"}, "192.0.2.7"},
      {{"6.6.6.6,192.0.2.7 ,\t10.0.0.2"}, "192.0.2.7"},
      {{"6.6.6.6", "192.0.2.7, 10.0.0.2", "fd00::5"}, "192.0.2.7"},
      {{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
      {{"192.0.2.7:4711, 10.0.0.2:80"}, "192.0.2.7"},
      {{"2001:db8::7"}, "2001:db8::7"},
      {{"[2001:db8::7]:4711, [fd00::1]"}, "2001:db8::7"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.client);
    CHECK(client_of(row.fields) == row.client);
  }
  CHECK(client_of({"192.0.2.7"}, "unix") == "192.0.2.7");
}

TEST_CASE("TheWalkEndsAtTheFirstThingThatIsNoAddress") {
  for (const char* garbage :
       {"unknown", "", " ", "_hidden", "192.0.2.7.", "192.0.2.7;", "\"192.0.2.7\"", "[fd00::1",
        "for=192.0.2.7", "192.0.2.7 10.0.0.9", "1.2.3", "999.1.1.1", "fe80::1%eth0"}) {
    CAPTURE(garbage);
    const std::string text = garbage;
    CHECK(client_of({"192.0.2.1, " + text + ", 10.0.0.2"}) == "10.0.0.2");
    CHECK(client_of({"192.0.2.1," + text}) == "10.0.0.1");
    CHECK(client_of({text}) == "10.0.0.1");
  }
}

TEST_CASE("TheWalkIsBounded") {
  std::string list = "192.0.2.7";
  for (int i = 0; i < 31; ++i) list += ", 10.0.0.2";
  CHECK(client_of({list}) == "192.0.2.7");
  CHECK(client_of({list + ", 10.0.0.2"}) == "10.0.0.2");
}

}  // namespace
}  // namespace ingress::policy
