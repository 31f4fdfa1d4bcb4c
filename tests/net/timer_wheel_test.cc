#include "net/timer_wheel.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace {

using ingress::net::Timer;
using ingress::net::TimerWheel;
using std::chrono::milliseconds;

struct Probe {
  explicit Probe(TimerWheel& its_wheel) : wheel(its_wheel) {}
  TimerWheel& wheel;
  int num_fired = 0;
  milliseconds fired_at{-1};
  Timer timer{[](void* probe) {
                auto* const self = static_cast<Probe*>(probe);
                ++self->num_fired;
                self->fired_at = self->wheel.now();
              },
              this};
};

TEST_CASE("A timer fires once, at or up to one tick after its time and never before") {
  for (const int delay :
       {0, 1, 9, 10, 11, 100, 2559, 2560, 2561, 2570, 655'359, 655'360, 655'370, 3'600'000}) {
    for (const int start : {0, 1, 5, 9, 12'345, 2'549, 655'350}) {
      CAPTURE(delay);
      CAPTURE(start);
      TimerWheel wheel{milliseconds(start)};
      Probe probe(wheel);
      probe.timer.set(wheel, milliseconds(delay));
      milliseconds now{start};
      while (probe.num_fired == 0 && wheel.num_set() > 0) {
        const milliseconds step = wheel.until_next();
        REQUIRE(step >= milliseconds(0));
        now += std::max(step, milliseconds(1));
        wheel.advance(now);
      }
      CHECK(probe.num_fired == 1);
      CHECK(now.count() >= start + delay);
      CHECK(now.count() <= start + delay + 10 + (delay == 0 ? 10 : 0));
      CHECK_FALSE(probe.timer.is_set());
      wheel.advance(now + std::chrono::hours(24));
      CHECK(probe.num_fired == 1);
      CHECK(wheel.until_next() < milliseconds(0));
    }
  }
}

// The slow way: a list of due times that is looked through at every step.
struct Oracle {
  struct Item {
    std::optional<milliseconds> due;
    int num_fired = 0;
  };
  std::vector<Item> items;
};

TEST_CASE("Random sets, moves, cancels and steps agree with a list of due times") {
  std::mt19937_64 random(20240607);
  const auto below = [&random](std::int64_t limit) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
  };
  constexpr std::int64_t kSpans[] = {20, 3'000, 30'000, 700'000, 200'000'000};
  constexpr std::size_t kTimers = 60;
  for (int round = 0; round < 12; ++round) {
    milliseconds now{below(10'000'000)};
    TimerWheel wheel(now);
    Oracle oracle;
    oracle.items.resize(kTimers);
    std::vector<std::unique_ptr<Probe>> probes;
    for (std::size_t i = 0; i < kTimers; ++i) probes.push_back(std::make_unique<Probe>(wheel));
    for (int step = 0; step < 600; ++step) {
      for (std::int64_t i = below(4); i > 0; --i) {
        const auto which = static_cast<std::size_t>(below(kTimers));
        if (below(4) == 0) {
          probes[which]->timer.cancel();
          oracle.items[which].due.reset();
        } else {
          const milliseconds delay{below(kSpans[below(5)])};
          probes[which]->timer.set(wheel, delay);
          oracle.items[which].due = now + delay;
        }
      }
      now += milliseconds(below(kSpans[below(5)]) / 4);
      const milliseconds last = wheel.now();
      wheel.advance(now);
      for (std::size_t i = 0; i < kTimers; ++i) {
        Oracle::Item& item = oracle.items[i];
        CAPTURE(round);
        CAPTURE(step);
        CAPTURE(i);
        const int fired = probes[i]->num_fired - item.num_fired;
        REQUIRE(fired <= (item.due ? 1 : 0));
        if (fired == 1) REQUIRE(now >= *item.due);
        if (fired == 0 && item.due) REQUIRE(now < std::max(*item.due, last) + 2 * TimerWheel::kTick);
        item.num_fired += fired;
        if (fired == 1) item.due.reset();
        REQUIRE(probes[i]->timer.is_set() == item.due.has_value());
      }
    }
  }
}

TEST_CASE("Stepping only when until_next says so misses nothing") {
  std::mt19937_64 random(7);
  milliseconds now{123};
  TimerWheel wheel(now);
  std::vector<std::unique_ptr<Probe>> probes;
  std::vector<milliseconds> due;
  for (int i = 0; i < 500; ++i) {
    probes.push_back(std::make_unique<Probe>(wheel));
    const milliseconds delay{static_cast<std::int64_t>(random() % (i % 2 ? 5'000 : 20'000'000))};
    probes.back()->timer.set(wheel, delay);
    due.push_back(now + delay);
  }
  while (wheel.num_set() > 0) {
    now += std::max(wheel.until_next(), milliseconds(1));
    wheel.advance(now);
  }
  for (std::size_t i = 0; i < due.size(); ++i) {
    CAPTURE(i);
    CHECK(probes[i]->num_fired == 1);
    CHECK(probes[i]->fired_at >= due[i]);
    CHECK(probes[i]->fired_at <= due[i] + 2 * TimerWheel::kTick);
  }
}

TEST_CASE("A callback may set its own timer again and cancel or destroy others") {
  struct Ring {
    TimerWheel wheel{milliseconds(0)};
    int num_fired = 0;
    std::unique_ptr<Probe> neighbour = std::make_unique<Probe>(wheel);
    Probe other{wheel};
    Timer timer{[](void* ring) {
                  auto* const self = static_cast<Ring*>(ring);
                  ++self->num_fired;
                  self->neighbour.reset();
                  self->other.timer.cancel();
                  self->timer.set(self->wheel, milliseconds(0));
                },
                this};
  } ring;
  ring.neighbour->timer.set(ring.wheel, milliseconds(20));
  ring.other.timer.set(ring.wheel, milliseconds(30));
  ring.timer.set(ring.wheel, milliseconds(10));
  ring.wheel.advance(milliseconds(10));
  CHECK(ring.num_fired == 1);
  ring.wheel.advance(milliseconds(20));
  CHECK(ring.num_fired == 2);
  CHECK(ring.wheel.num_set() == 1);
  ring.timer.cancel();
  ring.wheel.advance(milliseconds(5'000));
  CHECK(ring.other.num_fired == 0);
}

TEST_CASE("Only a timer that becomes the earliest asks for an earlier wake-up") {
  TimerWheel wheel{milliseconds(1'000)};
  int num_earlier = 0;
  wheel.on_earlier = [&num_earlier] { ++num_earlier; };
  Probe a(wheel);
  Probe b(wheel);
  a.timer.set(wheel, milliseconds(500));
  CHECK(num_earlier == 1);
  b.timer.set(wheel, milliseconds(900));
  a.timer.set(wheel, milliseconds(700));  // moved later: the old wake-up comes for nothing
  CHECK(num_earlier == 1);
  b.timer.set(wheel, milliseconds(100));
  CHECK(num_earlier == 2);
  b.timer.cancel();
  CHECK(num_earlier == 2);
  wheel.advance(milliseconds(1'500));
  CHECK(a.num_fired == 0);
  wheel.advance(milliseconds(1'700));
  CHECK(a.num_fired == 1);
}

TEST_CASE("Delays count from the clock, not from the last advance") {
  static milliseconds clock{0};
  TimerWheel wheel{milliseconds(0)};
  wheel.set_clock([](const void*) { return clock; }, nullptr);
  clock = milliseconds(7'000'000);
  Probe first(wheel);
  first.timer.set(wheel, milliseconds(50));
  CHECK(wheel.until_next() <= milliseconds(60));
  CHECK(wheel.until_next() >= milliseconds(50));
  wheel.advance(clock);
  CHECK(first.num_fired == 0);
  clock += milliseconds(60);
  wheel.advance(clock);
  CHECK(first.num_fired == 1);
}

TEST_CASE("Timers may outlive the wheel, and a far one waits its time") {
  auto wheel = std::make_unique<TimerWheel>(milliseconds(0));
  Probe far(*wheel);
  const auto two_years = std::chrono::hours(24 * 365 * 2);
  far.timer.set(*wheel, two_years);
  wheel->advance(two_years - milliseconds(1));
  CHECK(far.num_fired == 0);
  wheel->advance(two_years);
  CHECK(far.num_fired == 1);
  far.timer.set(*wheel, milliseconds::max());
  wheel->advance(two_years * 3);
  CHECK(far.timer.is_set());
  wheel.reset();
  CHECK_FALSE(far.timer.is_set());
}

}  // namespace
