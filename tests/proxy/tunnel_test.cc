// Upgraded connections between fakes: how each direction ends, who holds back whom, and how long one may
// rest.
#include "proxy/tunnel.h"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "proxy/tunnel_fixture.h"

namespace ingress::test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST_CASE("ATunnelEndsInOrderWhenBothDirectionsHave") {
  struct {
    bool client_first;
    const char* detail;
  } const rows[] = {{true, "client_closed"}, {false, "backend_closed"}};
  for (const auto& row : rows) {
    FakeWorker worker;
    OpenTunnel tunnel(worker);
    const auto& first = row.client_first ? tunnel.client.peer : tunnel.backend;
    const auto& second = row.client_first ? tunnel.backend : tunnel.client.peer;
    first->send("last");
    first->end_sending();
    CHECK(second->take_received() == "last");
    CHECK(second->has_write_ended());
    CHECK(!first->has_write_ended());
    worker.pass(minutes(30));
    second->send("still here");
    CHECK(first->take_received() == "still here");
    CHECK(worker.metrics.tunnels_open.get() == 1);
    second->end_sending();
    worker.turn();
    CHECK(first->has_write_ended());
    CHECK(first->end() == FakePeer::End::kClosed);
    CHECK(second->end() == FakePeer::End::kClosed);
    CHECK(worker.num_closed == 1);
    CHECK(worker.num_idle() == 0);
    CHECK(worker.metrics.tunnels_open.get() == 0);
    const auto line = tunnel.end_line();
    CHECK(line.status == 101);
    CHECK(line.why == "tunnel");
    CHECK(line.detail == row.detail);
    CHECK(worker.metrics.tunnel_client_bytes.get() == (row.client_first ? 4 : 10));
    CHECK(worker.metrics.tunnel_backend_bytes.get() == (row.client_first ? 10 : 4));
  }
}

// Its end came behind the request already.
TEST_CASE("AClientThatEndsItsHalfBeforeThe101IsToldToTheBackendAfterIt") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send(kAsk);
  client.peer->end_sending();
  CHECK(!backend->has_write_ended());
  backend->send(kSwitch + "news");
  worker.turn();
  CHECK(backend->has_write_ended());
  CHECK(client.peer->take_received() == kSwitched + "news");
  backend->send(" and more");
  backend->end_sending();
  worker.turn();
  CHECK(client.peer->take_received() == " and more");
  CHECK(worker.log.wait_for(1).detail == "client_closed");
}

TEST_CASE("ABackendThatEndsWithThe101LeavesTheClientsDirectionOpen") {
  FakeWorker worker;
  const auto backend = worker.add_idle_backend();
  FakeClient client(worker);
  client.peer->send(kAsk);
  backend->take_received();
  backend->send(kSwitch + "bye");
  backend->end_sending();
  worker.turn();
  CHECK(client.peer->take_received() == kSwitched + "bye");
  CHECK(client.peer->has_write_ended());
  client.peer->send("upload");
  CHECK(backend->take_received() == "upload");
  client.peer->end_sending();
  worker.turn();
  CHECK(worker.log.wait_for(1).detail == "backend_closed");
}

TEST_CASE("WhatTheBackendSaysBeforeTheHeadIsSentFollowsIt") {
  FakeWorker worker;
  FakeStream stream;
  const auto backend = FakePeer::make(&worker.loop->buffers());
  upstream::ClientConnPtr conn(new upstream::H1ClientConn(*worker.loop, backend->take_transport(), {}));
  proxy::Tunnel tunnel(worker.services(), stream, *conn, [](void*) {}, nullptr);
  base::Chain bytes;
  bytes.append(worker.loop->buffers().copy("bye"));
  tunnel.on_backend_bytes(std::move(bytes));
  tunnel.on_backend_end();
  CHECK(stream.body.empty());
  CHECK(stream.log.empty());
  tunnel.begin({});
  CHECK(stream.body == "bye");
  CHECK(stream.log == "end");
  CHECK(!tunnel.is_over());
}

TEST_CASE("ABrokenSideBreaksTheOther") {
  FakeWorker worker;
  SUBCASE("the client") {
    OpenTunnel tunnel(worker);
    tunnel.client.peer->break_with();
    worker.turn();
    CHECK(tunnel.backend->end() == FakePeer::End::kReset);
    CHECK(tunnel.end_line().detail == "client_reset");
  }
  SUBCASE("the backend") {
    OpenTunnel tunnel(worker);
    tunnel.backend->break_with();
    worker.turn();
    CHECK(tunnel.client.peer->end() == FakePeer::End::kReset);
    CHECK(tunnel.end_line().detail == "backend_reset");
    CHECK(worker.metrics.upstream_retries.get() == 0);
  }
  CHECK(worker.metrics.tunnels_open.get() == 0);
  CHECK(worker.metrics.exchanges_open.get() == 0);
}

TEST_CASE("ASideThatDoesNotReadHoldsBackTheOther") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  SUBCASE("the client") {
    tunnel.client.peer->stop_reading();
    for (int i = 0; i < 10; ++i) tunnel.backend->send(std::string(40'000, 'x'));
    CHECK(tunnel.backend->is_paused());
    CHECK(tunnel.client.peer->queued_bytes() < 64 * 1024 + 40'000);
    worker.pass(minutes(5));  // no limit of a response's
    CHECK(worker.num_closed == 0);
    for (int i = 0; i < 10; ++i) {
      tunnel.client.peer->read_all();
      tunnel.backend->turn();
    }
    CHECK(tunnel.client.peer->received().size() == 400'000);
  }
  SUBCASE("the backend") {
    tunnel.backend->stop_reading();
    for (int i = 0; i < 10; ++i) tunnel.client.peer->send(std::string(40'000, 'x'));
    CHECK(tunnel.client.peer->is_paused());
    CHECK(tunnel.backend->queued_bytes() < 64 * 1024 + 40'000);
    worker.pass(minutes(5));
    CHECK(worker.num_closed == 0);
    for (int i = 0; i < 10; ++i) {
      tunnel.backend->read_all();
      tunnel.client.peer->turn();
    }
    CHECK(tunnel.backend->received().size() == 400'000);
  }
}

TEST_CASE("WhatIsOnItsWayArrivesWhenBothSidesHaveEnded") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  SUBCASE("to the backend") {
    tunnel.backend->stop_reading();
    tunnel.client.peer->send(std::string(40'000, 'x'));
    tunnel.client.peer->end_sending();
    tunnel.backend->end_sending();
    worker.turn();
    CHECK(tunnel.backend->end() == FakePeer::End::kOpen);
    tunnel.backend->read_all();
    worker.turn();
    CHECK(tunnel.backend->received().size() == 40'000);
  }
  SUBCASE("to the client") {
    tunnel.client.peer->stop_reading();
    tunnel.backend->send(std::string(40'000, 'x'));
    tunnel.backend->end_sending();
    tunnel.client.peer->end_sending();
    worker.turn();
    CHECK(tunnel.client.peer->end() == FakePeer::End::kOpen);
    tunnel.client.peer->read_all();
    CHECK(tunnel.client.peer->received().size() == 40'000);
  }
  worker.turn();
  CHECK(tunnel.backend->end() == FakePeer::End::kClosed);
  CHECK(tunnel.client.peer->end() == FakePeer::End::kClosed);
  CHECK(worker.num_closed == 1);
}

// The tunnel is over for the backend, and its own limit with it.
TEST_CASE("AClientThatNeverReadsTheRestIsNotKeptForEver") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  tunnel.client.peer->stop_reading();
  tunnel.backend->send(std::string(40'000, 'x'));
  tunnel.backend->end_sending();
  tunnel.client.peer->end_sending();
  worker.turn();
  worker.pass(seconds(30));
  CHECK(worker.num_closed == 0);
  worker.pass(minutes(2));
  CHECK(worker.num_closed == 1);
  CHECK(tunnel.client.peer->end() == FakePeer::End::kReset);
}

TEST_CASE("OnlyATunnelThatRestsInBothDirectionsIsClosed") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  for (int i = 0; i < 3; ++i) {
    worker.pass(minutes(59));
    tunnel.client.peer->send("x");
    worker.pass(minutes(59));
    tunnel.backend->send("x");
  }
  worker.pass(minutes(59));
  CHECK(worker.num_closed == 0);
  worker.pass(minutes(2));
  CHECK(worker.num_closed == 1);
  CHECK(tunnel.client.peer->end() == FakePeer::End::kReset);
  CHECK(tunnel.backend->end() == FakePeer::End::kReset);
  CHECK(tunnel.end_line().detail == "idle");
}

TEST_CASE("ASideThatReadsSlowlyIsNotIdle") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  tunnel.client.peer->stop_reading();
  tunnel.backend->send(std::string(40'000, 'x'));
  for (int i = 0; i < 5; ++i) {
    worker.pass(minutes(50));
    tunnel.client.peer->read_some(1'000);
  }
  CHECK(worker.num_closed == 0);
  worker.pass(hours(1));
  worker.pass(hours(1) + seconds(1));
  CHECK(worker.num_closed == 1);
}

TEST_CASE("TheIdleLimitIsTheRules") {
  for (const int limit : {0, 5}) {
    CAPTURE(limit);
    FakeWorker worker([&](GatewayConfig& config) {
      config.routes[0].rules[0].timeouts = {
          .request = seconds(2), .backend_request = seconds(2), .tunnel_idle = seconds(limit)};
    });
    OpenTunnel tunnel(worker);
    worker.pass(seconds(4));  // the limits of requests and tries are over
    CHECK(worker.num_closed == 0);
    worker.pass(hours(20));
    CHECK(worker.num_closed == (limit == 0 ? 0 : 1));
  }
}

TEST_CASE("ATunnelIsNoRequestUnderWayAndKeepsNoConfiguration") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  CHECK(worker.metrics.exchanges_open.get() == 0);
  CHECK(worker.metrics.tunnels_opened.get() == 1);
  CHECK(worker.metrics.requests_by_class[1].get() == 1);
  GatewayConfig next = one_backend(9);
  next.routes[0].rules[0].timeouts.request = seconds(1);
  const auto snapshot = worker.publisher.publish(next);
  REQUIRE(snapshot);
  worker.views.adopt(std::make_unique<proxy::SnapshotPtr>(*snapshot));
  CHECK(worker.views.num_alive() == 1);
  tunnel.client.peer->send("abc");
  tunnel.backend->send("defgh");
  tunnel.client.connection.close_now();
  worker.turn();
  const auto line = tunnel.end_line();
  CHECK(line.request_bytes == 3);
  CHECK(line.response_bytes == 5);
  CHECK(worker.metrics.requests_by_class[1].get() == 1);
  CHECK(worker.metrics.request_body_bytes.get() == 0);
}

TEST_CASE("DrainingLeavesTunnelsOpenUntilTheirTimeIsOver") {
  FakeWorker worker;
  OpenTunnel tunnel(worker);
  FakeClient late(worker);
  const auto late_backend = worker.add_idle_backend();
  late.peer->send(kAsk);
  worker.is_draining = true;
  tunnel.client.connection.drain();
  late.connection.drain();
  worker.turn();
  tunnel.client.peer->send("ping");
  CHECK(tunnel.backend->take_received() == "ping");
  CHECK(worker.num_closed == 0);
  tunnel.client.connection.drain_tunnel();
  late.connection.drain_tunnel();  // not one yet
  worker.turn();
  CHECK(worker.num_closed == 1);
  CHECK(tunnel.client.peer->end() == FakePeer::End::kReset);
  CHECK(tunnel.end_line().detail == "drain");
  late_backend->send(kSwitch);
  worker.turn();
  CHECK(worker.num_closed == 2);
}

}  // namespace
}  // namespace ingress::test
