// Limits that hold for the process: counts, the line for a connection, and both under threads.
#include "upstream/circuit_breaker.h"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "upstream/breaker_registry.h"
#include "upstream/h1_client_conn.h"

namespace ingress::upstream {
namespace {

// A worker without a loop: what is posted runs when the test says so.
struct FakeWorker {
  std::deque<std::move_only_function<void()>> posted;
  BreakerGate::Post post() {
    return [this](std::move_only_function<void()> call) { posted.push_back(std::move(call)); };
  }
  void run() {
    while (!posted.empty()) {
      auto call = std::move(posted.front());
      posted.pop_front();
      call();
    }
  }
};

struct Waiter final : ConnectionWaiter {
  void on_connection_granted(Permit granted, ClientStreamPtr) override {
    ++num_granted;
    permit = std::move(granted);
    ticket.leave();
  }
  BreakerGate::Ticket ticket;
  Permit permit;
  int num_granted = 0;
};

const int kOne = 1, kTwo = 2;  // endpoints, as far as the line is concerned

struct Fixture {
  BreakerRegistry registry;
  FakeWorker a, b;
  std::shared_ptr<BreakerGate> gate_a = registry.join("c", a.post()), gate_b = registry.join("c", b.post());
  std::shared_ptr<CircuitBreaker> breaker = registry.find("c");

  std::uint32_t connections() const { return breaker->current(Resource::kConnections); }
  std::uint32_t pending() const { return breaker->current(Resource::kPendingRequests); }
};

TEST_CASE("TheLimitHoldsForAllWorkersTogetherAndPermitsComeBack") {
  Fixture f;
  Permit one = f.gate_a->take(Resource::kRequests, 2), two = f.gate_b->take(Resource::kRequests, 2);
  CHECK(one);
  CHECK(two);
  CHECK(!f.gate_b->take(Resource::kRequests, 2));
  CHECK(f.gate_b->take(Resource::kRequests, 3));  // a raised limit counts at once, and that permit is gone
  CHECK(f.breaker->current(Resource::kRequests) == 2);
  CHECK(f.breaker->overflows(Resource::kRequests) == 1);
  one.reset();
  two = f.gate_a->take(Resource::kRequests, 2);  // the old one goes when the new one is there
  CHECK(f.breaker->current(Resource::kRequests) == 1);
  two = {};
  CHECK(f.breaker->current(Resource::kRequests) == 0);
  CHECK(f.gate_a->take(Resource::kRetries, 0));  // no limit, counted all the same
}

TEST_CASE("ABreakerIsTheSameWhileAPermitIsOut") {
  BreakerRegistry registry;
  FakeWorker worker;
  Permit held = registry.join("c", worker.post())->take(Resource::kRequests, 1);
  CHECK(!registry.join("c", worker.post())->take(Resource::kRequests, 1));
  CHECK(registry.join("d", worker.post())->take(Resource::kRequests, 1));
  CHECK(registry.list().size() == 1);
  held.reset();
  CHECK(registry.list().empty());
  CHECK(registry.find("c") == nullptr);
}

TEST_CASE("AFreedConnectionGoesToWhoWaitsLongestInWhicheverWorker") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  REQUIRE(held);
  Waiter first, second, third;
  first.ticket = f.gate_b->wait(first, &kOne, 1, 2);
  second.ticket = f.gate_a->wait(second, &kOne, 1, 2);
  CHECK(f.pending() == 2);
  third.ticket = f.gate_a->wait(third, &kOne, 1, 2);
  CHECK(!third.ticket);
  CHECK(f.breaker->overflows(Resource::kPendingRequests) == 1);
  CHECK(f.breaker->overflows(Resource::kConnections) == 3);
  held.reset();
  CHECK(f.connections() == 1);  // handed over, never free in between
  CHECK(f.pending() == 1);
  CHECK(!f.gate_a->take_connection(1));
  f.a.run();
  CHECK(second.num_granted == 0);
  f.b.run();
  CHECK(first.num_granted == 1);
  first.permit.reset();
  f.a.run();
  CHECK(second.num_granted == 1);
  second.permit.reset();
  CHECK(f.connections() == 0);
  CHECK(f.pending() == 0);
}

TEST_CASE("WhoLeavesTheLineLosesNoPermit") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  Waiter gone_before, gone_on_the_way, last;
  gone_before.ticket = f.gate_a->wait(gone_before, &kOne, 1, 0);
  gone_on_the_way.ticket = f.gate_a->wait(gone_on_the_way, &kOne, 1, 0);
  last.ticket = f.gate_b->wait(last, &kOne, 1, 0);
  gone_before.ticket.leave();
  held.reset();
  gone_on_the_way.ticket.leave();  // its permit is posted already
  f.a.run();
  f.b.run();
  CHECK(gone_before.num_granted + gone_on_the_way.num_granted == 0);
  CHECK(last.num_granted == 1);
  CHECK(f.connections() == 1);
}

TEST_CASE("ALoopThatEndsWithAPermitPostedPassesItOn") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  Waiter ended, last;
  ended.ticket = f.gate_a->wait(ended, &kOne, 1, 0);
  last.ticket = f.gate_b->wait(last, &kOne, 1, 0);
  held.reset();
  ended.ticket.leave();
  f.gate_a.reset();
  f.a.posted.clear();
  f.b.run();
  CHECK(last.num_granted == 1);
}

TEST_CASE("AHigherLimitLetsThoseWhoKnowItGoOnOnceTheOthersAreThrough") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  Waiter old_limit, new_limit;
  old_limit.ticket = f.gate_a->wait(old_limit, &kOne, 1, 0);
  new_limit.ticket = f.gate_b->wait(new_limit, &kOne, 2, 0);
  CHECK(f.connections() == 1);
  old_limit.ticket.leave();
  f.b.run();
  CHECK(new_limit.num_granted == 1);
  CHECK(f.connections() == 2);
}

TEST_CASE("AConnectionIsClaimedByItsEndpointsOwnWaiterUntilOthersHaveBeenOvertakenTooOften") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  Waiter other;
  other.ticket = f.gate_b->wait(other, &kOne, 1, 0);
  std::deque<Waiter> own(BreakerGate::kMaxInRow + 2);
  for (Waiter& waiter : own) waiter.ticket = f.gate_a->wait(waiter, &kOne, 1, 0);
  CHECK(f.gate_a->claim(&kTwo) == nullptr);
  for (unsigned i = 0; i < BreakerGate::kMaxInRow; ++i) {
    CAPTURE(i);
    const auto place = f.gate_a->claim(&kOne);
    REQUIRE(place);
    CHECK(place->who == &own[i]);
  }
  CHECK(f.gate_a->claim(&kOne) == nullptr);
  held.reset();  // so the connection was closed, and goes to the other worker
  f.b.run();
  CHECK(other.num_granted == 1);
  CHECK(f.gate_a->claim(&kOne) != nullptr);
  CHECK(f.gate_a->claim(&kOne) != nullptr);
  CHECK(f.pending() == 0);
}

TEST_CASE("InOneWorkerTooAWaiterForAnotherEndpointIsNotOvertakenForEver") {
  Fixture f;
  Permit held = f.gate_a->take_connection(1);
  Waiter rare;
  rare.ticket = f.gate_a->wait(rare, &kTwo, 1, 0);
  std::deque<Waiter> own(BreakerGate::kMaxInRow + 1);
  for (Waiter& waiter : own) waiter.ticket = f.gate_a->wait(waiter, &kOne, 1, 0);
  unsigned num_claimed = 0;
  while (f.gate_a->claim(&kOne)) ++num_claimed;
  CHECK(num_claimed == BreakerGate::kMaxInRow);
  held.reset();
  f.a.run();
  CHECK(rare.num_granted == 1);
}

TEST_CASE("WhoWaitsAsksTheOthersToCloseAnIdleConnection") {
  Fixture f;
  Permit idle = f.gate_a->take_connection(1);
  idle.note_idle(true);
  f.gate_a->set_on_shed([&] { return idle ? (idle.reset(), true) : false; });
  Waiter waiter;
  waiter.ticket = f.gate_b->wait(waiter, &kOne, 1, 0);
  CHECK(f.b.posted.size() + f.a.posted.size() == 2);
  f.a.run();
  CHECK(!idle);
  f.b.run();
  CHECK(waiter.num_granted == 1);
}

TEST_CASE("NobodyIsAskedWhereNothingIsIdle") {
  Fixture f;
  Permit busy = f.gate_a->take_connection(1);
  busy.note_idle(true);
  busy.note_idle(false);
  Waiter waiter;
  waiter.ticket = f.gate_b->wait(waiter, &kOne, 1, 0);
  CHECK(f.a.posted.empty());
  CHECK(f.b.posted.empty());
}

// A thread with a queue, as a worker's loop is one.
class Thread {
 public:
  BreakerGate::Post post() {
    return [this](std::move_only_function<void()> call) {
      const std::lock_guard guard(lock_);
      calls_.push_back(std::move(call));
      changed_.notify_one();
    };
  }
  void run_one() {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return !calls_.empty(); });
    auto call = std::move(calls_.front());
    calls_.pop_front();
    guard.unlock();
    call();
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> calls_;
};

// Takes a connection, waiting when it must, and gives it back, many times; every tenth place in the line is
// left again.
void use_connections(BreakerRegistry& registry, std::uint32_t limit, int num_rounds,
                     std::atomic<std::uint32_t>& num_held, std::atomic<bool>& is_exceeded) {
  Thread thread;
  const std::shared_ptr<BreakerGate> gate = registry.join("c", thread.post());
  for (int round = 0; round < num_rounds; ++round) {
    Waiter waiter;
    waiter.permit = gate->take_connection(limit);
    if (!waiter.permit) {
      waiter.ticket = gate->wait(waiter, &kOne, limit, 0);
      if (round % 10 == 0) continue;
      while (waiter.num_granted == 0) thread.run_one();
    }
    if (num_held.fetch_add(1) >= limit) is_exceeded = true;
    if (round % 3 == 0) std::this_thread::yield();
    num_held.fetch_sub(1);
  }
}

TEST_CASE("UnderThreadsTheLimitIsNeverExceededAndNobodyWaitsForEver") {
  for (const std::uint32_t limit : {1U, 3U}) {
    CAPTURE(limit);
    BreakerRegistry registry;
    FakeWorker keeper;
    const auto gate = registry.join("c", keeper.post());
    std::atomic<std::uint32_t> num_held{0};
    std::atomic<bool> is_exceeded{false};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] { use_connections(registry, limit, 3'000, num_held, is_exceeded); });
      }
    }
    CHECK(!is_exceeded);
    const auto breaker = registry.find("c");
    CHECK(breaker->current(Resource::kConnections) == 0);
    CHECK(breaker->current(Resource::kPendingRequests) == 0);
  }
}

}  // namespace
}  // namespace ingress::upstream
