#include <doctest/doctest.h>

#include "net/net_fixture.h"

namespace {

using ingress::net::PauseReason;
using ingress::test::LoopFixture;
using ingress::test::Pair;
using ingress::test::random_bytes;
using ingress::test::Recorder;

constexpr std::size_t kLarge = 16 * 1024 * 1024;

TEST_CASE("What arrives is read, what is written arrives, over IPv4 and IPv6") {
  for (const std::string address : {"127.0.0.1", "::1"}) {
    CAPTURE(address);
    LoopFixture fixture;
    Pair pair(fixture, address);
    pair.served->start();
    pair.client->send("ping");
    fixture.run_until([&] { return pair.served->received == "ping"; });
    pair.served->write("pong", fixture.loop().buffers());
    CHECK(pair.served->transport->queued_bytes() == 0);
    CHECK(pair.client->receive() == "pong");
    CHECK(pair.served->num_drained == 0);
    CHECK(pair.served->transport->peer().view() == address);
    CHECK(pair.served->transport->peer().port == pair.client->port());
    CHECK(pair.served->transport->local().view() == address);
    CHECK(pair.served->transport->local().port == pair.server.port);
  }
}

TEST_CASE("A reader that is slow makes the queue grow, and draining is told when it is empty") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  const std::string sent = random_bytes(kLarge);
  pair.served->write(sent, fixture.loop().buffers());
  CHECK(pair.served->transport->queued_bytes() > 0);
  fixture.run_turns();
  CHECK(pair.served->num_drained == 0);
  std::string received;
  while (received.size() < sent.size()) {
    const std::string part = pair.client->receive(4 * 1024 * 1024);
    REQUIRE_FALSE(part.empty());
    received += part;
    fixture.run_turns(2);
  }
  CHECK((received == sent));
  fixture.run_until([&] { return pair.served->num_drained == 1; });
  CHECK(pair.served->transport->queued_bytes() == 0);
  CHECK(pair.served->broken.empty());
}

TEST_CASE("Many small slices and writes while queued keep their order") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  std::string sent;
  for (int i = 0; i < 600; ++i) {
    ingress::base::Chain chain;
    for (int j = 0; j < 100; ++j) {
      const std::string piece = std::to_string(i * 100 + j) + "," + std::string(50, 'x');
      chain.append(fixture.loop().buffers().copy(piece));
      sent += piece;
    }
    pair.served->transport->write(std::move(chain));
    CHECK(chain.is_empty());
  }
  std::string received;
  while (received.size() < sent.size()) {
    received += pair.client->receive(1024 * 1024);
    fixture.run_turns(1);
  }
  CHECK((received == sent));
}

TEST_CASE("Both directions at once move large bodies whole, with pauses between") {
  LoopFixture fixture;
  Pair pair(fixture);
  // Echo with backpressure: reading pauses while anything is queued.
  Recorder& echo = *pair.served;
  auto& pool = fixture.loop().buffers();
  std::size_t echoed = 0;
  std::size_t max_queued = 0;
  echo.on_event = [&] {
    if (echo.num_drained > 0) {
      echo.num_drained = 0;
      echo.transport->resume(PauseReason::kPeerSlow);
    }
    if (echoed == echo.received.size()) return;
    echo.write(std::string_view(echo.received).substr(echoed), pool);
    echoed = echo.received.size();
    max_queued = std::max(max_queued, echo.transport->queued_bytes());
    if (echo.transport->queued_bytes() > 0) echo.transport->pause(PauseReason::kPeerSlow);
  };
  echo.start();
  std::unique_ptr<Recorder> near;
  const auto attempt =
      ingress::net::connect(fixture.loop(), "127.0.0.1", pair.server.port, std::chrono::seconds(10),
                            [&](auto result) { near = std::make_unique<Recorder>(std::move(*result)); });
  // The raw client of the pair is not used; this one plays both sides on the loop.
  fixture.run_until([&] { return near && pair.server.accepted.size() == 2; });
  Recorder& far = *pair.server.accepted[1];
  far.on_event = [&] {
    if (far.num_drained > 0) {
      far.num_drained = 0;
      far.transport->resume(PauseReason::kPeerSlow);
    }
    std::string part;
    part.swap(far.received);
    if (part.empty()) return;
    far.write(part, pool);
    max_queued = std::max(max_queued, far.transport->queued_bytes());
    if (far.transport->queued_bytes() > 0) far.transport->pause(PauseReason::kPeerSlow);
  };
  far.start();
  near->start();
  const std::string sent = random_bytes(kLarge);
  near->write(sent, pool);
  fixture.run_until([&] { return near->received.size() >= sent.size(); });
  CHECK((near->received == sent));
  CHECK(max_queued <= ingress::base::BufferPool::kReadBytes);
}

TEST_CASE("A pause with several reasons ends with the last, and loses nothing") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->transport->pause(PauseReason::kDraining);
  pair.served->start();
  pair.client->send("one");
  fixture.run_turns();
  CHECK(pair.served->received.empty());
  pair.served->transport->pause(PauseReason::kBusy);
  pair.served->transport->resume(PauseReason::kDraining);
  fixture.run_turns();
  CHECK(pair.served->received.empty());
  pair.served->transport->resume(PauseReason::kBusy);
  CHECK(pair.served->received.empty());
  fixture.run_until([&] { return pair.served->received == "one"; });

  // Paused inside the callback, with more than one block waiting.
  const std::string more = random_bytes(400'000);
  pair.served->received.clear();
  pair.served->on_event = [&] { pair.served->transport->pause(PauseReason::kPeerSlow); };
  pair.client->send(more);
  fixture.run_until([&] { return !pair.served->received.empty(); });
  fixture.run_turns();
  CHECK(pair.served->received.size() <= ingress::base::BufferPool::kReadBytes);
  pair.served->on_event = nullptr;
  pair.served->transport->resume(PauseReason::kPeerSlow);
  fixture.run_until([&] { return pair.served->received.size() == more.size(); });
  CHECK((pair.served->received == more));
}

TEST_CASE("Kept slices stay as they were while reading goes on") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->should_keep = true;
  pair.served->start();
  std::string sent;
  for (int i = 0; i < 300; ++i) {
    const std::string piece = std::to_string(i) + random_bytes(static_cast<std::size_t>(1 + i * 37 % 5'000));
    sent += piece;
    pair.client->send(piece);
    fixture.run_until([&] { return pair.served->received.size() == sent.size(); });
  }
  std::string kept;
  for (const auto& slice : pair.served->kept) kept += slice.view();
  CHECK((kept == sent));
  // Small reads share blocks: about 740 KB in blocks of 64 KB, half of each possibly unused.
  CHECK(fixture.loop().buffers().live_bytes() < 2 * 1024 * 1024);
  pair.served->kept.clear();
}

TEST_CASE("A half-closed peer is told as the end, and still gets its answer") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  pair.client->send("request");
  pair.client->end_sending();
  fixture.run_until([&] { return pair.served->num_ends == 1; });
  CHECK(pair.served->received == "request");
  pair.served->transport->pause(PauseReason::kBusy);
  pair.served->transport->resume(PauseReason::kBusy);
  pair.served->write("answer", fixture.loop().buffers());
  pair.served->transport->shutdown_write();
  pair.served->write("too late", fixture.loop().buffers());
  CHECK(pair.client->receive() == "answer");
  CHECK(pair.client->receive().empty());
  fixture.run_turns();
  CHECK(pair.served->num_ends == 1);
  CHECK(pair.served->broken.empty());
}

TEST_CASE("shutdown_write() sends what is queued first") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  const std::string sent = random_bytes(kLarge);
  pair.served->write(sent, fixture.loop().buffers());
  pair.served->transport->shutdown_write();
  REQUIRE(pair.served->transport->queued_bytes() > 0);
  std::string received;
  for (;;) {
    fixture.run_turns(2);
    const std::string part = pair.client->receive(4 * 1024 * 1024);
    if (part.empty()) break;
    received += part;
  }
  CHECK((received == sent));
}

TEST_CASE("A reset by the peer is told once, as the last thing") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  pair.client->reset();
  fixture.run_until([&] { return pair.served->is_broken(); });
  CHECK(std::string(pair.served->broken.at(0).what) == "reset");
  CHECK(pair.served->num_ends == 0);
  pair.served->write("dropped", fixture.loop().buffers());
  pair.served->transport->shutdown_write();
  pair.served->transport->resume(PauseReason::kBusy);
  fixture.run_turns();
  CHECK(pair.served->broken.size() == 1);
}

TEST_CASE("A reset right behind the last bytes is not taken for the end") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  fixture.run_turns();
  pair.client->send("to the end?");
  pair.client->reset();
  fixture.run_until([&] { return pair.served->is_broken() || pair.served->num_ends > 0; });
  CHECK(pair.served->received == "to the end?");
  CHECK(pair.served->num_ends == 0);
  CHECK(std::string(pair.served->broken.at(0).what) == "reset");
}

TEST_CASE("A write that finds the stream broken is told later, not inside write()") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  pair.client->send("last words");
  pair.client->end_sending();
  fixture.run_until([&] { return pair.served->num_ends == 1; });
  pair.client->reset();
  // The first write may still be taken by the kernel; the reset is there for the next ones.
  for (int i = 0; i < 3; ++i) {
    pair.served->write("x", fixture.loop().buffers());
    CHECK(pair.served->broken.empty());
  }
  fixture.run_until([&] { return pair.served->is_broken(); });
  CHECK(pair.served->broken.size() == 1);
}

TEST_CASE("What the peer sent before it broke is read before the bad news") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  fixture.run_turns();
  // All of this happens between two turns of the loop, as with a server that refuses a body early.
  pair.client->send("413");
  pair.client->reset();
  for (int i = 0; i < 3; ++i) pair.served->write("body", fixture.loop().buffers());
  CHECK(pair.served->received.empty());
  fixture.run_until([&] { return pair.served->is_broken(); });
  CHECK(pair.served->received == "413");
  CHECK(pair.served->broken.size() == 1);
}

TEST_CASE("A stream that breaks while bytes are queued drops them") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  pair.served->write(random_bytes(kLarge), fixture.loop().buffers());
  REQUIRE(pair.served->transport->queued_bytes() > 0);
  fixture.run_turns();
  pair.client->reset();
  fixture.run_until([&] { return pair.served->is_broken(); });
  fixture.run_turns();
  CHECK(pair.served->transport->queued_bytes() == 0);
  CHECK(pair.served->broken.size() == 1);
  CHECK(pair.served->num_drained == 0);
}

TEST_CASE("close() with queued bytes ends in silence, reset() shows the peer a reset") {
  LoopFixture fixture;
  {
    Pair pair(fixture);
    pair.served->start();
    pair.served->write(random_bytes(kLarge), fixture.loop().buffers());
    pair.served->transport->close();
    pair.served->transport->close();
    fixture.run_turns();
    CHECK(pair.served->num_drained == 0);
    CHECK(pair.served->broken.empty());
    const Pair others(fixture);  // under the number that its socket had
    CHECK(pair.served->transport->local().view().empty());
  }
  Pair pair(fixture);
  pair.served->start();
  pair.served->write("partial", fixture.loop().buffers());
  CHECK(pair.client->receive() == "partial");
  pair.served->transport->reset();
  fixture.run_turns();
  char byte;
  CHECK(::recv(pair.client->fd(), &byte, 1, 0) == -1);
  CHECK(errno == ECONNRESET);
}

TEST_CASE("A Transport may be destroyed inside each of its callbacks") {
  enum class Event { kRead, kReadEnd, kDrained, kBroken, kBrokenByWrite };
  for (const Event event :
       {Event::kRead, Event::kReadEnd, Event::kDrained, Event::kBroken, Event::kBrokenByWrite}) {
    CAPTURE(static_cast<int>(event));
    LoopFixture fixture;
    Pair pair(fixture);
    pair.served->start();
    bool is_gone = false;
    pair.served->on_event = [&] {
      Recorder& self = *pair.served;
      const bool is_due = event == Event::kRead      ? self.num_reads > 0
                          : event == Event::kReadEnd ? self.num_ends > 0
                          : event == Event::kDrained ? self.num_drained > 0
                                                     : self.is_broken();
      if (!is_due || is_gone) return;
      is_gone = true;
      self.transport.reset();
    };
    switch (event) {
      case Event::kRead:
        pair.client->send(random_bytes(200'000));
        break;
      case Event::kReadEnd:
        pair.client->end_sending();
        break;
      case Event::kDrained:
        pair.served->write(random_bytes(kLarge), fixture.loop().buffers());
        break;
      case Event::kBroken:
        pair.client->reset();
        break;
      case Event::kBrokenByWrite:
        pair.client->reset();
        for (int i = 0; i < 3; ++i) pair.served->write("x", fixture.loop().buffers());
        break;
    }
    while (event == Event::kDrained && !is_gone) {
      REQUIRE_FALSE(pair.client->receive(kLarge).empty());
      fixture.run_turns(2);
    }
    fixture.run_until([&] { return is_gone; });
    fixture.run_turns();
  }
}

TEST_CASE("A Transport may be destroyed unstarted, broken and untold, or with the loop") {
  LoopFixture fixture;
  {
    const Pair unstarted(fixture);
  }
  Pair pair(fixture);
  pair.served->start();
  pair.client->reset();
  for (int i = 0; i < 3; ++i) pair.served->write("x", fixture.loop().buffers());
  pair.served->transport.reset();  // before the deferred on_broken
  fixture.run_turns();
  CHECK(pair.served->broken.empty());
  Pair last(fixture);
  last.served->start();
  last.served->write(random_bytes(kLarge), fixture.loop().buffers());
}

TEST_CASE("A new handler takes over between two reads") {
  LoopFixture fixture;
  Pair pair(fixture);
  pair.served->start();
  pair.client->send("one");
  fixture.run_until([&] { return pair.served->received == "one"; });
  Recorder next(std::move(pair.served->transport));
  next.transport->set_handler(&next);
  pair.client->send("two");
  fixture.run_until([&] { return next.received == "two"; });
  CHECK(pair.served->received == "one");
}

}  // namespace
