// Connections that owe a PROXY header, without sockets: what is taken for the header, what is left for whom
// it is meant, and how each wait ends.
#include "proxy/pending_headers.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/proxy_header.h"
#include "proxy/listener_state.h"
#include "support/fake_transport.h"

namespace ingress::test {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n";

// Takes connections with their headers, as a worker does, and keeps what is read behind.
struct Bench : proxy::PendingHeadersOwner {
  struct Client final : net::TransportHandler {
    explicit Client(net::TransportPtr transport_in) : transport(std::move(transport_in)) {
      transport->start(this);
    }
    void on_read(base::Slice bytes) override {
      text += bytes.view();
      if (closes_at_bytes) transport.reset();
    }
    void on_read_end() override { ++num_ends; }
    void on_drained() override { ++num_drained; }
    void on_broken(Error) override { ++num_broken; }
    net::TransportPtr transport;
    std::string text;
    int num_ends = 0, num_drained = 0, num_broken = 0;
    bool closes_at_bytes = false;
  };

  Bench() : loop(std::move(*net::EventLoop::create())) {
    loop->timers().set_clock(
        [](const void* self) {
          const auto* bench = static_cast<const Bench*>(self);
          return bench->loop->now() + bench->passed;
        },
        this);
    const std::vector<std::string> senders = {"192.0.2.0/24", "unix"};
    listener.settings.timeouts.proxy_header = milliseconds(500);
    listener.proxy_senders = std::make_shared<const policy::TrustedProxies>(senders);
  }
  ~Bench() {
    clients.clear();
    pending.drop_all();
    turn();
  }
  void on_proxy_header(proxy::ListenerState& of, net::TransportPtr transport) override {
    CHECK(&of == &listener);
    if (refuses) return;
    clients.push_back(std::make_unique<Client>(std::move(transport)));
    clients.back()->closes_at_bytes = closes_at_bytes;
  }
  void on_headers_settled() override { ++num_settled; }

  std::shared_ptr<FakePeer> connect(std::string_view address = "192.0.2.1") {
    std::shared_ptr<FakePeer> peer = FakePeer::make(&loop->buffers());
    peer->set_addresses(address, 40000, "192.0.2.2", 80);
    pending.add(listener, peer->take_transport());
    return peer;
  }
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }
  void pass(milliseconds time) {
    loop->post([this, time] {
      passed += time;
      loop->timers().advance(loop->now() + passed);
    });
    turn();
  }

  milliseconds passed{0};
  std::unique_ptr<net::EventLoop> loop;
  proxy::ListenerState listener;
  proxy::ProxyHeaderCounters counters;
  proxy::PendingHeaders pending{*loop, counters, *this};
  std::vector<std::unique_ptr<Client>> clients;
  int num_settled = 0;
  bool refuses = false, closes_at_bytes = false;
};

TEST_CASE("TheClientIsWhomTheHeaderNames") {
  Bench bench;
  const auto peer = bench.connect();
  CHECK(bench.pending.has_any_of(bench.listener));
  peer->send(kHeader);
  REQUIRE(bench.clients.size() == 1);
  Bench::Client& client = *bench.clients[0];
  CHECK(client.transport->peer().view() == "192.0.2.7");
  CHECK(client.transport->peer().port == 56324);
  CHECK(client.transport->local().view() == "198.51.100.1");
  CHECK(client.transport->local().port == 443);
  CHECK(client.transport->secure() == nullptr);
  CHECK(client.text.empty());
  CHECK(bench.counters.accepted.get() == 1);
  CHECK(bench.pending.is_empty());
  bench.turn();
  CHECK(bench.num_settled == 1);
  peer->send("hello");
  CHECK(client.text == "hello");
  base::Chain answer;
  answer.append_copy("answer", bench.loop->buffers());
  peer->stop_reading(2);
  client.transport->write(std::move(answer));
  CHECK(client.transport->queued_bytes() == 4);
  CHECK(client.transport->written_bytes() == 2);
  peer->read_all();
  CHECK(client.num_drained == 1);
  CHECK(peer->received() == "answer");
  client.transport->pause(net::PauseReason::kBusy);
  peer->send(" again");
  CHECK(client.text == "hello");
  client.transport->resume(net::PauseReason::kBusy);
  peer->turn();
  CHECK(client.text == "hello again");
  client.transport->shutdown_write();
  CHECK(peer->has_write_ended());
  peer->end_sending();
  CHECK(client.num_ends == 1);
  client.transport->reset();
  CHECK(peer->end() == FakePeer::End::kReset);
}

// In two pieces at every byte, and byte by byte: each byte behind the header arrives once, in order, with the
// header's piece or without.
TEST_CASE("NoByteBehindTheHeaderIsTaken") {
  const net::ProxyAddresses addresses{{"2001:db8::7", 7}, {"2001:db8::1", 443}};
  for (const std::string& header : {std::string(kHeader), net::proxy_header_v2(&addresses)}) {
    const std::string stream = header + std::string("\x16\x03\x01 PROXY \r\n\r\n", 13);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
      CAPTURE(cut);
      Bench bench;
      const auto peer = bench.connect();
      peer->send(stream.substr(0, cut));
      REQUIRE(bench.clients.size() == (cut >= header.size() ? 1 : 0));
      if (!bench.clients.empty())
        REQUIRE(bench.clients[0]->text == stream.substr(header.size(), cut - header.size()));
      peer->send(stream.substr(cut));
      REQUIRE(bench.clients.size() == 1);
      REQUIRE(bench.clients[0]->text == stream.substr(header.size()));
    }
    Bench bench;
    const auto peer = bench.connect();
    for (const char byte : stream) peer->send({&byte, 1});
    REQUIRE(bench.clients.size() == 1);
    CHECK(bench.clients[0]->text == stream.substr(header.size()));
  }
}

TEST_CASE("AHeaderThatNamesNobodyLeavesTheSender") {
  for (const std::string& header : {std::string("PROXY UNKNOWN\r\n"), net::proxy_header_v2(nullptr)}) {
    Bench bench;
    const auto peer = bench.connect();
    peer->send(header);
    REQUIRE(bench.clients.size() == 1);
    CHECK(bench.clients[0]->transport->peer().view() == "192.0.2.1");
    CHECK(bench.clients[0]->transport->peer().port == 40000);
    CHECK(bench.clients[0]->transport->local().port == 80);
  }
}

TEST_CASE("AStrangerIsClosedUnread") {
  Bench bench;
  for (const char* address : {"198.51.100.9", "2001:db8::1", ""}) {
    const auto peer = bench.connect(address);
    CHECK(peer->is_destroyed());
    CHECK_FALSE(peer->is_started());
  }
  CHECK(bench.counters.strangers.get() == 3);
  CHECK(bench.pending.is_empty());
  bench.connect("unix")->send(kHeader);
  CHECK(bench.clients.size() == 1);
}

TEST_CASE("WhatIsNoHeaderIsClosed") {
  for (const char* sent : {"G", "GET / HTTP/1.1\r\n\r\n", "PROXY TCP4 1.1.1.1\r\n", "\r\n\r\nX", "\x16"}) {
    CAPTURE(sent);
    Bench bench;
    const auto peer = bench.connect();
    peer->send(sent);
    CHECK(peer->is_destroyed());
    CHECK(bench.counters.invalid.get() == 1);
    CHECK(bench.pending.is_empty());
    CHECK(bench.clients.empty());
    bench.turn();
    CHECK(bench.num_settled == 1);
  }
}

TEST_CASE("EachWaitForAHeaderEnds") {
  Bench bench;
  const auto silent = bench.connect(), slow = bench.connect(), gone = bench.connect(),
             broken = bench.connect();
  slow->send(kHeader.substr(0, 20));
  gone->end_sending();
  broken->break_with();
  CHECK(gone->is_destroyed());
  CHECK(broken->is_destroyed());
  CHECK(bench.counters.left.get() == 2);
  bench.pass(milliseconds(480));
  slow->send(kHeader.substr(20, 1));  // progress does not start the limit anew
  CHECK_FALSE(silent->is_destroyed());
  bench.pass(milliseconds(40));
  CHECK(silent->is_destroyed());
  CHECK(slow->is_destroyed());
  CHECK(bench.counters.late.get() == 2);
  CHECK(bench.num_settled == 4);
  CHECK(bench.pending.is_empty());
}

TEST_CASE("WhoeverStillOwesAHeaderIsHurried") {
  Bench bench;
  const auto peer = bench.connect();
  const proxy::ListenerState other;
  bench.pending.hurry(&other, milliseconds(50));
  bench.pass(milliseconds(70));
  CHECK_FALSE(peer->is_destroyed());
  bench.pending.hurry(&bench.listener, milliseconds(50));
  bench.pass(milliseconds(70));
  CHECK(peer->is_destroyed());
  const auto last = bench.connect();
  bench.pending.hurry(nullptr, milliseconds(50));
  bench.pass(milliseconds(70));
  CHECK(last->is_destroyed());
  const auto slow = bench.connect();
  bench.pass(milliseconds(450));
  bench.pending.hurry(nullptr, milliseconds(400));  // it has less left
  bench.pass(milliseconds(70));
  CHECK(slow->is_destroyed());
}

TEST_CASE("BytesBehindTheHeaderOfADroppedConnectionAreLost") {
  Bench bench;
  bench.refuses = true;
  const auto refused = bench.connect();
  refused->send(std::string(kHeader) + "GET");
  CHECK(refused->end() == FakePeer::End::kClosed);
  bench.turn();
  bench.refuses = false;
  bench.closes_at_bytes = true;
  const auto closed = bench.connect();
  closed->send(std::string(kHeader) + "GET");
  CHECK(closed->end() == FakePeer::End::kClosed);
  CHECK(bench.clients.back()->text == "GET");
}

}  // namespace
}  // namespace ingress::test
