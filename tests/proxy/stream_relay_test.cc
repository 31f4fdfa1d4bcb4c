// Bytes between two transports without sockets: order, back pressure, ends, what is lost and what is not.
#include "proxy/stream_relay.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include "support/fake_transport.h"

namespace ingress::test {
namespace {

using proxy::StreamEnd;
using proxy::StreamRelay;
using std::chrono::milliseconds;
using End = FakePeer::End;

constexpr net::PauseReason kSlow = net::PauseReason::kPeerSlow;

struct Bench : proxy::StreamRelayOwner {
  explicit Bench(std::string read = "", milliseconds idle = milliseconds(0))
      : loop(std::move(*net::EventLoop::create())), now(loop->now()) {
    loop->timers().set_clock([](const void* self) { return static_cast<const Bench*>(self)->now; }, this);
    net::TransportPtr stream = client->take_transport();
    stream->start(&nobody);
    stream->pause(kSlow);
    relay.emplace(*loop, counters, *this, std::move(stream), backend->take_transport());
    base::Chain chain;
    chain.append_copy(read, loop->buffers());
    relay->begin(std::move(chain), idle);
  }
  void on_relay_over(StreamEnd how, const char*) override {
    CHECK_FALSE(over);
    over = how;
  }
  void pass(milliseconds time) {
    now += time;
    loop->timers().advance(now);
  }

  struct Nobody final : net::TransportHandler {
    void on_read(base::Slice) override { FAIL("nobody reads yet"); }
    void on_read_end() override {}
    void on_drained() override {}
    void on_broken(Error) override {}
  } nobody;
  std::unique_ptr<net::EventLoop> loop;
  milliseconds now;
  std::shared_ptr<FakePeer> client = FakePeer::make(&loop->buffers());
  std::shared_ptr<FakePeer> backend = FakePeer::make(&loop->buffers());
  proxy::StreamCounters counters;
  std::optional<StreamRelay> relay;
  std::optional<StreamEnd> over;
};

TEST_CASE("BytesGoBothWaysAsTheyCame") {
  Bench bench("first ");
  CHECK(bench.backend->take_received() == "first ");
  bench.client->send("question");
  bench.backend->send("answer");
  CHECK(bench.backend->received() == "question");
  CHECK(bench.client->received() == "answer");
  CHECK(bench.relay->client_bytes() == 14);
  CHECK(bench.relay->backend_bytes() == 6);
  CHECK(bench.counters.client_bytes.get() == 14);
  CHECK(bench.counters.backend_bytes.get() == 6);
  CHECK_FALSE(bench.over);
}

TEST_CASE("WhoDoesNotReadHoldsTheOtherSideUp") {
  const std::string piece(32 * 1024, 'x');
  for (const bool is_client_slow : {true, false}) {
    Bench bench;
    FakePeer& slow = is_client_slow ? *bench.client : *bench.backend;
    FakePeer& fast = is_client_slow ? *bench.backend : *bench.client;
    slow.stop_reading(1000);
    for (int i = 0; i < 10; ++i) fast.send(piece);
    CHECK(fast.is_paused_for(kSlow));
    CHECK_FALSE(slow.is_paused());
    CHECK(slow.queued_bytes() < StreamRelay::kHoldBytes + piece.size());
    slow.send("the other direction goes on");
    CHECK(fast.received() == "the other direction goes on");
    slow.read_all();
    CHECK_FALSE(fast.is_paused());
    fast.turn();
    CHECK(slow.received().size() == 10 * piece.size());
  }
}

TEST_CASE("MuchThatWasReadBeforeTheBackendHoldsTheClientUp") {
  Bench fresh;
  CHECK_FALSE(fresh.client->is_paused());
  fresh.backend->stop_reading();
  fresh.client->send(std::string(64 * 1024, 'x'));
  CHECK(fresh.client->is_paused_for(kSlow));
}

TEST_CASE("EachDirectionEndsByItself") {
  for (const bool is_client_first : {true, false}) {
    Bench bench;
    FakePeer& first = is_client_first ? *bench.client : *bench.backend;
    FakePeer& last = is_client_first ? *bench.backend : *bench.client;
    first.send("all");
    first.end_sending();
    CHECK(last.received() == "all");
    CHECK(last.has_write_ended());
    CHECK_FALSE(first.has_write_ended());
    CHECK_FALSE(bench.over);
    last.send("rest");
    last.end_sending();
    CHECK(first.received() == "rest");
    CHECK(first.has_write_ended());
    REQUIRE(bench.over);
    CHECK(*bench.over == StreamEnd::kClosed);
  }
}

TEST_CASE("ItIsNotOverBeforeEverythingIsOut") {
  Bench bench;
  bench.client->stop_reading();
  bench.backend->send("late");
  bench.backend->end_sending();
  bench.client->end_sending();
  CHECK_FALSE(bench.over);
  bench.client->read_all();
  CHECK(bench.client->received() == "late");
  REQUIRE(bench.over);
  CHECK(*bench.over == StreamEnd::kClosed);
}

TEST_CASE("ASideThatBreaksEndsIt") {
  Bench client_breaks, backend_breaks;
  client_breaks.client->break_with();
  CHECK(client_breaks.over == StreamEnd::kClientReset);
  backend_breaks.backend->break_with();
  CHECK(backend_breaks.over == StreamEnd::kBackendReset);
  backend_breaks.relay->reset();
  CHECK(backend_breaks.client->end() == End::kReset);
}

TEST_CASE("WhatWasSaidBeforeTheEndStillArrivesWhenItsSenderIsGone") {
  Bench bench;
  bench.client->stop_reading();
  bench.backend->send("the last word");
  bench.backend->end_sending();
  bench.client->send("too late");
  bench.backend->break_with();  // it is not interested any more
  CHECK_FALSE(bench.over);
  bench.client->read_all();
  CHECK(bench.client->received() == "the last word");
  CHECK(bench.over == StreamEnd::kBackendReset);
}

TEST_CASE("NothingMovesForTooLong") {
  Bench bench("", milliseconds(1000));
  bench.pass(milliseconds(900));
  bench.client->send("x");
  bench.pass(milliseconds(900));
  CHECK_FALSE(bench.over);
  bench.pass(milliseconds(200));
  CHECK(bench.over == StreamEnd::kIdle);

  Bench patient;
  patient.pass(milliseconds(100'000'000));
  CHECK_FALSE(patient.over);
}

TEST_CASE("WhoTakesWhatWaitsForItIsNotIdle") {
  Bench bench("", milliseconds(1000));
  bench.client->stop_reading();
  bench.backend->send(std::string(60'000, 'x'));
  for (int i = 0; i < 5; ++i) {
    bench.pass(milliseconds(1100));
    CHECK_FALSE(bench.over);
    bench.client->read_some(1000);
  }
  bench.pass(milliseconds(1100));
  bench.pass(milliseconds(1100));
  CHECK(bench.over == StreamEnd::kIdle);
}

}  // namespace
}  // namespace ingress::test
