// When something counts as idle, by a clock that the test steps.
#include "net/idle_timer.h"

#include <doctest/doctest.h>

namespace ingress::net {
namespace {

using std::chrono::milliseconds;

struct Watched {
  TimerWheel wheel{milliseconds(0)};
  int num_idle = 0;
  IdleTimer timer{wheel, [](void* self) { ++static_cast<Watched*>(self)->num_idle; }, this};
  int at(int ms) {
    wheel.advance(milliseconds(ms));
    return num_idle;
  }
};

TEST_CASE("FiresOnceALimitAfterTheLastTouch") {
  Watched watched;
  watched.timer.start(milliseconds(1000));
  CHECK(watched.at(900) == 0);
  watched.timer.touch();
  CHECK(watched.at(1100) == 0);
  CHECK(watched.at(1890) == 0);
  CHECK(watched.at(1910) == 1);
  CHECK(watched.at(5000) == 1);
}

TEST_CASE("ALimitThatIsSetAnewCountsFromTheLastTouch") {
  Watched shorter;
  shorter.timer.start(milliseconds(1000));
  CHECK(shorter.at(500) == 0);
  shorter.timer.set_limit(milliseconds(600));
  CHECK(shorter.at(590) == 0);
  CHECK(shorter.at(610) == 1);

  Watched passed;  // by then it has been idle for longer already
  passed.timer.start(milliseconds(1000));
  CHECK(passed.at(500) == 0);
  passed.timer.set_limit(milliseconds(100));
  CHECK(passed.at(510) == 1);

  Watched longer;
  longer.timer.start(milliseconds(1000));
  CHECK(longer.at(500) == 0);
  longer.timer.set_limit(milliseconds(2000));
  CHECK(longer.at(1990) == 0);
  CHECK(longer.at(2010) == 1);
}

TEST_CASE("AStoppedOneDoesNotFire") {
  Watched watched;
  watched.timer.start(milliseconds(100));
  watched.timer.stop();
  CHECK(watched.at(1000) == 0);
}

}  // namespace
}  // namespace ingress::net
