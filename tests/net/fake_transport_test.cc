#include "support/fake_transport.h"

#include <doctest/doctest.h>

#include "net/net_fixture.h"

namespace {

using ingress::net::PauseReason;
using ingress::test::FakePeer;
using ingress::test::Recorder;

TEST_CASE("The fake delivers, pauses, queues and tells the end as a socket does") {
  const auto peer = FakePeer::make();
  ingress::base::BufferPool pool;
  Recorder recorder(peer->take_transport());
  peer->send("early");
  CHECK(recorder.received.empty());
  recorder.start();
  peer->turn();
  CHECK(recorder.received == "early");

  recorder.transport->pause(PauseReason::kBusy);
  recorder.transport->pause(PauseReason::kPeerSlow);
  peer->send("late");
  recorder.transport->resume(PauseReason::kBusy);
  peer->turn();
  CHECK(recorder.received == "early");
  recorder.transport->resume(PauseReason::kPeerSlow);
  peer->turn();
  CHECK(recorder.received == "earlylate");

  recorder.write("taken", pool);
  CHECK(peer->take_received() == "taken");
  peer->stop_reading(2);
  recorder.write("abcdef", pool);
  CHECK(recorder.transport->queued_bytes() == 4);
  CHECK(recorder.num_drained == 0);
  peer->read_some(3);
  CHECK(recorder.num_drained == 0);
  peer->read_all();
  CHECK(recorder.num_drained == 1);
  CHECK(peer->take_received() == "abcdef");

  peer->end_sending();
  CHECK(recorder.num_ends == 1);
  recorder.transport->shutdown_write();
  CHECK(peer->has_write_ended());
  recorder.transport->reset();
  CHECK(peer->end() == FakePeer::End::kReset);
  recorder.transport.reset();
  CHECK(peer->is_destroyed());
}

TEST_CASE("A broken fake says so once and takes no writes") {
  const auto peer = FakePeer::make();
  ingress::base::BufferPool pool;
  Recorder recorder(peer->take_transport());
  recorder.start();
  peer->break_later();
  CHECK_FALSE(recorder.is_broken());
  peer->turn();
  peer->break_with();
  CHECK(recorder.broken.size() == 1);
  recorder.write("lost", pool);
  CHECK(peer->received().empty());
  recorder.transport.reset();
  CHECK(peer->end() == FakePeer::End::kClosed);
}

}  // namespace
