// HTTP/2 to backends where connections are counted, or fewer fit than had hoped to.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "support/h2_frames.h"
#include "upstream/h2_streams_fixture.h"

namespace ingress::upstream {
namespace {

using namespace ingress::test;

// Stands in a line; keeps what it is given.
struct Waiter final : ConnectionWaiter {
  void on_connection_granted(Permit granted, ClientStreamPtr given) override {
    permit = std::move(granted);
    stream = std::move(given);
    ++num_grants;
  }
  Permit permit;
  ClientStreamPtr stream;
  int num_grants = 0;
};

// A cluster that may have `max` connections.
struct Limited {
  explicit Limited(H2Bench& bench) {
    gate = BreakerGate::open(
        std::make_shared<CircuitBreaker>(),
        [&loop = bench.fixture.loop()](std::move_only_function<void()> call) { loop.post(std::move(call)); });
    gate->set_on_shed([&bench] { return bench.endpoint->h2.drop_idle(); });
    bench.endpoint->gate = gate.get();
  }
  BreakerGate::Ticket wait(Waiter& who, const void* place) { return gate->wait(who, place, 1, 10); }
  std::shared_ptr<BreakerGate> gate;
};

TEST_CASE("WhoFindsNoRoomOnWhatWasOpenedLooksForAnotherConnection") {
  H2Bench bench;
  bench.cluster.http2.max_streams = 3;
  std::vector<H2Request*> first, second;
  for (int i = 0; i < 3; ++i) first.push_back(&bench.ask());
  for (int i = 0; i < 3; ++i) second.push_back(&bench.ask());
  REQUIRE(bench.connector.num_waiting() == 2);
  bench.accept()->send(h2_setting(3, 1));  // one fits on the next
  bench.accept();
  CHECK(second[0]->text.empty());
  for (const std::size_t i : {1U, 2U}) {
    CHECK(second[i]->text == "failed stale_connection no_room");
    CHECK(second[i]->error->retry == RetrySafety::kSafe);
  }
}

TEST_CASE("WhatABackendSaidOfOthersHoldsOnlyUntilItSpeaks") {
  H2Bench bench;
  const auto before = bench.open(1);
  before->send(h2_frame(kGoaway, 0, 0, h2_number(1) + h2_number(0)));
  bench.turns();
  bench.ask();
  const auto peer = bench.accept();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
  peer->send(h2_setting(3, 100));
  bench.turns();
  bench.ask();
  CHECK(bench.connector.num_waiting() == 1);
}

TEST_CASE("AConnectionOpenedAheadMayHaveBeenClosedForIdleness") {
  H2Bench bench;
  H2Request& first = *bench.requests.emplace_back(std::make_unique<H2Request>(bench.fixture.loop()));
  bench.attempts.push_back(open_stream(
      bench.fixture.loop(), bench.connector, bench.endpoint, bench.cluster, {}, {},
      [&](std::expected<ClientStreamPtr, Error> stream) { first.send(std::move(*stream)); }, Opened::kAhead));
  const auto peer = bench.accept();
  peer->break_with();
  CHECK(first.text == "failed stale_connection reset");
}

TEST_CASE("AnAnswerThatIsCompleteIsTakenWhateverIsWrongBehindIt") {
  H2Bench bench;
  const auto peer = bench.open();
  H2Request& request = bench.ask();
  bench.turns();
  peer->send(h2_response(3, "200") + h2_frame(kPushPromise, kEndHeaders, 3, h2_number(2)));
  bench.turns();
  CHECK(request.text == "200+|end");
  CHECK(request.num_reads == 1);
}

TEST_CASE("OneWhoWaitsForAnotherEndpointCostsOneConnection") {
  H2Bench bench;
  Limited limited(bench);
  bench.cluster.http2.max_streams = 2;
  std::vector<H2Request*> requests;
  std::vector<std::shared_ptr<FakePeer>> peers;
  for (int i = 0; i < 3; ++i) {
    Permit permit = limited.gate->take_connection(3);
    REQUIRE(permit);
    H2Request& request = *bench.requests.emplace_back(std::make_unique<H2Request>(bench.fixture.loop()));
    bench.attempts.push_back(open_stream(
        bench.fixture.loop(), bench.connector, bench.endpoint, bench.cluster, {}, std::move(permit),
        [&request](std::expected<ClientStreamPtr, Error> stream) { request.send(std::move(*stream)); }));
    requests.push_back(&request);
    peers.push_back(bench.accept());
    peers.back()->send(h2_setting(3, 2));
  }
  int elsewhere = 0;
  Waiter waiter;
  const BreakerGate::Ticket ticket = limited.wait(waiter, &elsewhere);
  REQUIRE(bench.endpoint->h2.size() == 3);
  for (int i = 0; i < 4; ++i) {  // calls that come and go while others stay
    H2Request& brief = bench.ask();
    bench.give_back(brief);
  }
  CHECK(bench.endpoint->h2.size() == 2);
  CHECK(waiter.num_grants == 0);
}

TEST_CASE("AnUpgradeIsGivenNoStreamOfHttp2") {
  H2Bench bench;
  Limited limited(bench);
  bench.endpoint->h2.is_spoken = true;
  bench.cluster.protocol = BackendProtocol::kAuto;
  const StreamNeeds upgrade{.is_upgrade = true};
  CHECK(waiting_place(*bench.endpoint, bench.cluster, upgrade) == &bench.endpoint->idle);
  bench.cluster.protocol = BackendProtocol::kHttp2;
  CHECK(waiting_place(*bench.endpoint, bench.cluster, {}) == &bench.endpoint->h2);
  bench.cluster.protocol = BackendProtocol::kHttp1;
  CHECK(waiting_place(*bench.endpoint, bench.cluster, {}) == &bench.endpoint->idle);
}

TEST_CASE("AnIdleConnectionMakesRoomForWhoWaits") {
  H2Bench bench;
  Limited limited(bench);
  Permit permit = limited.gate->take_connection(1);
  H2Request& request = *bench.requests.emplace_back(std::make_unique<H2Request>(bench.fixture.loop()));
  bench.attempts.push_back(open_stream(
      bench.fixture.loop(), bench.connector, bench.endpoint, bench.cluster, {.proxy_header = "x"},
      std::move(permit),
      [&request](std::expected<ClientStreamPtr, Error> stream) { request.send(std::move(*stream)); }));
  const auto peer = bench.accept();
  Waiter waiter;
  const BreakerGate::Ticket ticket = limited.wait(waiter, &bench.endpoint->h2);
  peer->send(h2_setting(3, 2) + h2_response(1, "200"));
  bench.give_back(request);
  bench.fixture.run_until([&] { return waiter.num_grants == 1; });
  CHECK(waiter.permit);
  CHECK(peer->end() == FakePeer::End::kClosed);
}

}  // namespace
}  // namespace ingress::upstream
