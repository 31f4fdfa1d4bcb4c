// Handshakes under way are counted in all and for each source.
#include "tls/handshake_limits.h"

#include <doctest/doctest.h>

#include <vector>

namespace ingress::tls {
namespace {

TEST_CASE("RefusesBeyondTheLimitOfASourceAndOfAll") {
  HandshakeLimits limits;
  std::vector<HandshakeLimits::Place> places;
  const auto enter = [&](const char* peer) {
    auto place = limits.enter(peer, 5, 2);
    if (place) places.push_back(std::move(*place));
    return place.has_value();
  };
  CHECK(enter("192.0.2.1"));
  CHECK(enter("192.0.2.1"));
  CHECK_FALSE(enter("192.0.2.1"));
  CHECK(enter("192.0.2.2"));
  CHECK(enter("2001:db8::1"));
  CHECK(enter("2001:db8::2"));
  CHECK_FALSE(enter("192.0.2.3"));  // five in all
  places.erase(places.begin());
  CHECK(limits.num_under_way() == 4);
  CHECK_FALSE(enter("2001:db8::ffff:1"));  // the same network of 64 bits
  CHECK(enter("2001:db8:0:1::1"));
  places.clear();
  CHECK(limits.num_under_way() == 0);
  CHECK(enter("192.0.2.1"));
}

TEST_CASE("ZeroIsNoLimit") {
  HandshakeLimits limits;
  std::vector<HandshakeLimits::Place> places;
  for (int i = 0; i < 1'000; ++i) {
    auto place = limits.enter("unix", 0, 0);
    REQUIRE(place);
    places.push_back(std::move(*place));
  }
  CHECK(limits.num_under_way() == 1'000);
}

}  // namespace
}  // namespace ingress::tls
