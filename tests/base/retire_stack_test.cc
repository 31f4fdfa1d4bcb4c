#include "base/retire_stack.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using ingress::base::RetireStack;

namespace {

// Counts its ends; `written` is plain, so that a missing order is a data race.
struct Counted {
  Counted(std::atomic<int>& e, int w) : num_ended(e), written(w) {}
  ~Counted() { num_ended.fetch_add(written == 7); }
  std::atomic<int>& num_ended;
  int written;
};

}  // namespace

TEST_CASE("RetiredObjectsAreFreedByFreeAllAlone") {
  std::atomic<int> num_ended{0};
  RetireStack<Counted> stack;
  CHECK(stack.free_all() == 0);
  CHECK(stack.push(std::make_unique<Counted>(num_ended, 7)));
  CHECK_FALSE(stack.push(std::make_unique<Counted>(num_ended, 7)));
  CHECK(num_ended == 0);
  CHECK(stack.free_all() == 2);
  CHECK(num_ended == 2);
  CHECK(stack.push(std::make_unique<Counted>(num_ended, 7)));
}

TEST_CASE("RetireStackFreesTheRestWhenItEnds") {
  std::atomic<int> num_ended{0};
  {
    RetireStack<Counted> stack;
    stack.push(std::make_unique<Counted>(num_ended, 7));
  }
  CHECK(num_ended == 1);
}

TEST_CASE("RetireStackLosesNothingBetweenThreads") {
  constexpr int kNumThreads = 4;
  constexpr int kNumObjects = 5000;
  std::atomic<int> num_ended{0};
  std::atomic<int> num_running{kNumThreads};
  std::atomic<int> num_wakes{0};
  RetireStack<Counted> stack;
  std::vector<std::thread> workers;
  for (int t = 0; t < kNumThreads; ++t) {
    workers.emplace_back([&] {
      for (int i = 0; i < kNumObjects; ++i) {
        if (stack.push(std::make_unique<Counted>(num_ended, 7))) num_wakes.fetch_add(1);
      }
      num_running.fetch_sub(1);
    });
  }
  std::size_t num_freed = 0;
  while (num_running > 0) num_freed += stack.free_all();
  for (std::thread& worker : workers) worker.join();
  num_freed += stack.free_all();
  CHECK(num_freed == kNumThreads * kNumObjects);
  CHECK(num_ended == kNumThreads * kNumObjects);
  CHECK(num_wakes > 0);
}
