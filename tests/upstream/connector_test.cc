// What becomes of attempts that are abandoned.
#include "upstream/connector.h"

#include <doctest/doctest.h>

namespace ingress::upstream {
namespace {

TEST_CASE("AnAbandonedAttemptCallsNobody") {
  for (const char* address : {"127.0.0.1", "not-an-address", "some.name"}) {
    for (const bool is_abandoned : {true, false}) {
      CAPTURE(address);
      CAPTURE(is_abandoned);
      auto loop = net::EventLoop::create();
      REQUIRE(loop);
      Connector connector(**loop, nullptr);
      bool is_called = false;
      auto attempt = connector.open({address, 1}, std::chrono::seconds(5), [&](auto transport) {
        is_called = true;
        CHECK(!transport);
        (*loop)->stop();
      });
      if (is_abandoned) {
        attempt.reset();
        (*loop)->post([&] { (*loop)->stop(); });
      }
      (*loop)->run();
      CHECK(is_called != is_abandoned);
    }
  }
}

}  // namespace
}  // namespace ingress::upstream
