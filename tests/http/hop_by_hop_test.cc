#include "http/hop_by_hop.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

std::string strip(const std::vector<std::pair<std::string, std::string>>& fields) {
  Headers headers;
  for (const auto& [name, value] : fields) headers.add(name, value);
  strip_hop_by_hop(headers);
  return dump(headers);
}

}  // namespace

TEST_CASE("Fields of one connection are removed") {
  for (const char* name :
       {"Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Content-Length", "TE",
        "Upgrade", "Proxy-Authenticate", "Proxy-Authorization", "proxy-CONNECTION"}) {
    CAPTURE(std::string(name));
    CHECK_EQ(strip({{"A", "1"}, {name, "x"}, {"B", "2"}, {name, "y"}}), "[A]=[1]\n[B]=[2]\n");
  }
  CHECK_EQ(strip({{"Trailer", "X-Sum"}}), "[Trailer]=[X-Sum]\n");
}

TEST_CASE("Fields that Connection names are removed") {
  CHECK_EQ(strip({{"Connection", "X-Secret, close"}, {"x-secret", "1"}, {"X-Kept", "2"}}), "[X-Kept]=[2]\n");
  CHECK_EQ(strip({{"Connection", "\", x-secret, \""}, {"X-Secret", "1"}, {"X-Kept", "2"}}), "[X-Kept]=[2]\n");
  CHECK_EQ(strip({{"X-A", "1"}, {"Connection", "x-a"}, {"X-B", "2"}, {"connection", " ,x-b,"}}), "");
  CHECK_EQ(strip({{"Connection", "X-Forwarded-For"}, {"X-Forwarded-For", "6.6.6.6"}}), "");
  CHECK_EQ(strip({{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}, {"HTTP2-Settings", "AAA"}}),
           "");
}

TEST_CASE("Connection cannot take away what is meant for the other end") {
  for (const char* name : {"Host", "Authorization", "Cookie", "Set-Cookie", "Content-Type", "Cache-Control",
                           "Expect", "Content-Encoding", "Location", "Range", "Trailer"}) {
    CAPTURE(std::string(name));
    CHECK_EQ(strip({{"Connection", name}, {name, "x"}}), std::string("[") + name + "]=[x]\n");
  }
}

TEST_CASE("A Connection field of any length costs a bounded number of comparisons") {
  std::string options;
  for (int i = 0; i < 10'000; ++i) options += "x-" + std::to_string(i) + ",";
  CHECK_EQ(strip({{"Connection", options}, {"X-63", "1"}, {"X-64", "2"}}), "[X-64]=[2]\n");
}
