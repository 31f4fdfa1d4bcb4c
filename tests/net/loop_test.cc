#include "net/loop.h"

#include <doctest/doctest.h>
#include <unistd.h>
#include <uv.h>

#include <atomic>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "net/net_fixture.h"

namespace {

using ingress::net::EventLoop;
using ingress::net::Timer;
using ingress::test::LoopFixture;
using std::chrono::milliseconds;

std::unique_ptr<EventLoop> make_loop() {
  return EventLoop::create().value();
}

TEST_CASE("stop() before run() makes it return at once, and only once") {
  const auto loop = make_loop();
  loop->stop();
  loop->run();
  bool was_run = false;
  loop->post([&] {
    was_run = true;
    loop->stop();
  });
  loop->run();
  CHECK(was_run);
}

TEST_CASE("Posted calls run in order, and those after a stop() wait for the next run()") {
  const auto loop = make_loop();
  std::string order;
  loop->post([&] { order += "a"; });
  loop->post([&] {
    order += "b";
    loop->post([&] { order += "d"; });
    loop->stop();
  });
  loop->post([&] { order += "c"; });
  loop->run();
  CHECK(order == "ab");
  loop->post([&] { loop->stop(); });
  loop->run();
  CHECK(order == "abcd");
}

TEST_CASE("Calls from many threads all arrive, each thread's in its order") {
  const auto loop = make_loop();
  constexpr int kThreads = 4;
  constexpr int kCalls = 2'000;
  std::vector<int> seen(kThreads, 0);
  int num_calls = 0;
  bool is_ordered = true;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        loop->post([&, t, i] {
          is_ordered = is_ordered && seen[static_cast<std::size_t>(t)]++ == i;
          if (++num_calls == kThreads * kCalls) loop->stop();
        });
      }
    });
  }
  loop->run();
  for (std::thread& thread : threads) thread.join();
  CHECK(num_calls == kThreads * kCalls);
  CHECK(is_ordered);
}

TEST_CASE("A loop made here runs there, is woken from elsewhere and stopped from a third place") {
  const auto loop = make_loop();
  std::atomic<int> mailbox{0};
  int num_wakes = 0;
  int seen = 0;
  loop->set_on_wake([&] {
    ++num_wakes;
    seen = mailbox.load(std::memory_order_relaxed);
    if (seen == 1'000) loop->stop();
  });
  std::thread runner([&] { loop->run(); });
  std::thread waker([&] {
    for (int i = 1; i <= 1'000; ++i) {
      mailbox.store(i, std::memory_order_relaxed);
      loop->wake();
    }
  });
  waker.join();
  runner.join();
  CHECK(seen == 1'000);
  CHECK(num_wakes >= 1);
  CHECK(num_wakes <= 1'000);

  std::thread again([&] { loop->run(); });
  loop->stop();
  again.join();
}

TEST_CASE("Deferred calls run before the loop waits, also those deferred by deferred calls") {
  const auto loop = make_loop();
  std::string order;
  loop->post([&] {
    loop->defer([&] {
      order += "b";
      loop->defer([&] {
        order += "c";
        loop->stop();
      });
    });
    order += "a";
  });
  loop->run();
  CHECK(order == "abc");
}

TEST_CASE("What is deferred when the loop goes still runs, what is posted is dropped") {
  auto loop = make_loop();
  bool was_deferred_run = false;
  bool was_posted_run = false;
  loop->defer([&] { was_deferred_run = true; });
  loop->post([&] { was_posted_run = true; });
  loop.reset();
  CHECK(was_deferred_run);
  CHECK_FALSE(was_posted_run);
}

TEST_CASE("Timers of the wheel fire in order of their times, none before its time") {
  const auto loop = make_loop();
  struct Item {
    EventLoop* loop;
    std::vector<int>* fired;
    int delay;
    std::int64_t started_us = EventLoop::clock_us();
    bool is_early = false;
    Timer timer{[](void* item) {
                  auto* const self = static_cast<Item*>(item);
                  // The loop's clock has whole milliseconds, rounded down.
                  self->is_early = EventLoop::clock_us() - self->started_us < (self->delay - 1) * 1000;
                  self->fired->push_back(self->delay);
                  if (self->fired->size() == 4) self->loop->stop();
                },
                this};
  };
  std::vector<int> fired;
  std::vector<std::unique_ptr<Item>> items;
  loop->post([&] {
    for (const int delay : {90, 30, 60, 0}) {
      items.push_back(std::make_unique<Item>(loop.get(), &fired, delay));
      items.back()->timer.set(loop->timers(), milliseconds(delay));
    }
  });
  loop->run();
  CHECK(fired == std::vector<int>{0, 30, 60, 90});
  for (const auto& item : items) CHECK_FALSE(item->is_early);
}

TEST_CASE(
    "Time in which the loop could not run does not count: what came meanwhile is seen before timers fire") {
  const auto loop = make_loop();
  std::string order;
  struct State {
    EventLoop* loop;
    std::string* order;
    Timer timer{[](void* state) {
                  auto* const self = static_cast<State*>(state);
                  *self->order += "timer ";
                  self->loop->stop();
                },
                this};
  } state{loop.get(), &order};
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  uv_poll_t poll;
  poll.data = &order;
  REQUIRE(uv_poll_init(loop->uv_loop(), &poll, ends[0]) == 0);
  loop->post([&] {
    uv_poll_start(&poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
      *static_cast<std::string*>(handle->data) += "input ";
      uv_poll_stop(handle);
    });
    state.timer.set(loop->timers(), milliseconds(50));
    REQUIRE(::write(ends[1], "x", 1) == 1);
    std::this_thread::sleep_for(milliseconds(400));  // the fault
  });
  const milliseconds before = loop->now();
  loop->run();
  CHECK(order == "input timer ");
  CHECK(loop->now() - before >= milliseconds(50));
  CHECK(loop->now() - before < milliseconds(350));
  uv_close(reinterpret_cast<uv_handle_t*>(&poll), nullptr);
  uv_run(loop->uv_loop(), UV_RUN_NOWAIT);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("The read space is the same block as long as nobody keeps a slice of it") {
  LoopFixture fixture;
  EventLoop& loop = fixture.loop();
  const char* const first = loop.read_space().data();
  {
    const auto dropped = loop.take_read(1'000);
  }
  CHECK(loop.read_space().data() == first);
  CHECK(loop.read_space().size() == ingress::base::BufferPool::kReadBytes);
  auto kept = std::make_optional(loop.take_read(1'000));
  CHECK(loop.read_space().data() == first + 1'000);
  const auto more = loop.take_read(70'000);
  CHECK(loop.read_space().size() == ingress::base::BufferPool::kReadBytes);
  CHECK((loop.read_space().data() < first || loop.read_space().data() > first + 130'000));
  kept.reset();
}

TEST_CASE("run() blocks SIGPIPE for its time and leaves none behind") {
  const auto is_blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return sigismember(&mask, SIGPIPE) == 1;
  };
  REQUIRE_FALSE(is_blocked());
  const auto loop = make_loop();
  bool was_blocked = false;
  loop->post([&] {
    was_blocked = is_blocked();
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::close(ends[0]);
    CHECK(::write(ends[1], "x", 1) == -1);
    ::close(ends[1]);
    loop->stop();
  });
  loop->run();
  CHECK(was_blocked);
  CHECK_FALSE(is_blocked());  // and the process is alive: the pending signal was taken back
}

}  // namespace
