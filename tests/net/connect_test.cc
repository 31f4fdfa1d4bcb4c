#include <doctest/doctest.h>
#include <netinet/tcp.h>

#include "net/net_fixture.h"

namespace {

using ingress::Error;
using ingress::ErrorCode;
using ingress::ErrorSide;
using ingress::RetrySafety;
using ingress::net::connect;
using ingress::net::ConnectAttempt;
using ingress::net::TransportPtr;
using ingress::test::LoopFixture;
using ingress::test::RawSocket;
using ingress::test::Recorder;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Outcome {
  int num_calls = 0;
  std::unique_ptr<Recorder> connected;
  std::optional<Error> error;
  std::unique_ptr<ConnectAttempt> attempt;

  void begin(LoopFixture& fixture, const std::string& address, std::uint16_t port, milliseconds timeout) {
    attempt =
        connect(fixture.loop(), address, port, timeout, [this](std::expected<TransportPtr, Error> result) {
          ++num_calls;
          if (result) {
            connected = std::make_unique<Recorder>(std::move(*result));
          } else {
            error = result.error();
          }
        });
    CHECK(num_calls == 0);
  }
};

void check_failed(const Outcome& outcome, std::string_view what) {
  REQUIRE(outcome.error);
  CHECK(outcome.error->code == ErrorCode::kConnectFailed);
  CHECK(outcome.error->retry == RetrySafety::kSafe);
  CHECK(std::string_view(outcome.error->what) == what);
  CHECK(outcome.num_calls == 1);
}

TEST_CASE("A connection carries bytes both ways and has NODELAY") {
  for (const std::string address : {"127.0.0.1", "::1"}) {
    CAPTURE(address);
    LoopFixture fixture;
    const RawSocket listener = RawSocket::listen_on(address);
    Outcome outcome;
    outcome.begin(fixture, address, listener.port(), seconds(10));
    fixture.run_until([&] { return outcome.num_calls == 1; });
    REQUIRE(outcome.connected);
    outcome.attempt.reset();
    const RawSocket server = listener.accept();
    outcome.connected->start();
    outcome.connected->write("ping", fixture.loop().buffers());
    CHECK(server.receive() == "ping");
    server.send("pong");
    fixture.run_until([&] { return outcome.connected->received == "pong"; });
    CHECK(outcome.connected->transport->peer().view() == address);
    CHECK(outcome.connected->transport->peer().port == listener.port());
    CHECK(outcome.connected->transport->local().view() == address);
  }
}

TEST_CASE("Nobody listening is told as refused") {
  LoopFixture fixture;
  std::uint16_t port = 0;
  {
    const RawSocket listener = RawSocket::listen_on("127.0.0.1");
    port = listener.port();
  }
  Outcome outcome;
  outcome.begin(fixture, "127.0.0.1", port, seconds(10));
  fixture.run_until([&] { return outcome.num_calls == 1; });
  check_failed(outcome, "refused");
  CHECK(outcome.error->side == ErrorSide::kUpstream);
}

// A listener whose backlog is full: the kernel drops further handshakes, so connecting hangs.
struct FullListener {
  RawSocket listener = RawSocket::listen_on("127.0.0.1", 0);
  std::vector<RawSocket> fillers;
  FullListener() {
    const auto target = ingress::net::parse_ip("127.0.0.1", listener.port());
    for (int i = 0; i < 4; ++i) {
      fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      (void)::connect(fillers.back().fd(), target->get(), target->size);
    }
  }
};

TEST_CASE("A handshake that hangs ends at the timeout") {
  LoopFixture fixture;
  const FullListener full;
  Outcome outcome;
  outcome.begin(fixture, "127.0.0.1", full.listener.port(), milliseconds(50));
  fixture.run_until([&] { return outcome.num_calls == 1; });
  check_failed(outcome, "timeout");
  fixture.run_turns();
  CHECK(outcome.num_calls == 1);
}

TEST_CASE("An abandoned attempt says nothing") {
  LoopFixture fixture;
  const FullListener full;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  Outcome hanging;
  Outcome ready;
  Outcome invalid;
  hanging.begin(fixture, "127.0.0.1", full.listener.port(), milliseconds(20));
  ready.begin(fixture, "127.0.0.1", listener.port(), seconds(10));
  invalid.begin(fixture, "no address", 80, seconds(10));
  hanging.attempt.reset();
  ready.attempt.reset();
  invalid.attempt.reset();
  fixture.run_for(milliseconds(60));
  CHECK(hanging.num_calls + ready.num_calls + invalid.num_calls == 0);
}

TEST_CASE("The attempt may be destroyed inside its callback, however it ends") {
  LoopFixture fixture;
  const FullListener full;
  const RawSocket listener = RawSocket::listen_on("127.0.0.1");
  std::uint16_t closed_port = 0;
  {
    const RawSocket closed = RawSocket::listen_on("127.0.0.1");
    closed_port = closed.port();
  }
  const std::pair<std::string, std::uint16_t> targets[] = {{"127.0.0.1", listener.port()},
                                                           {"127.0.0.1", closed_port},
                                                           {"127.0.0.1", full.listener.port()},
                                                           {"not an address", 80}};
  for (const auto& [address, port] : targets) {
    CAPTURE(address);
    CAPTURE(port);
    int num_calls = 0;
    std::unique_ptr<ConnectAttempt> attempt;
    attempt = connect(fixture.loop(), address, port, milliseconds(50), [&](auto) {
      ++num_calls;
      attempt.reset();
    });
    fixture.run_until([&] { return num_calls == 1; });
    fixture.run_turns();
    CHECK(num_calls == 1);
  }
}

TEST_CASE("An address that is none fails from the loop, not from inside connect()") {
  LoopFixture fixture;
  for (const std::string address : {"", "localhost", "1.2.3", "[::1]", "unix:/tmp/x"}) {
    CAPTURE(address);
    Outcome outcome;
    outcome.begin(fixture, address, 80, seconds(10));
    fixture.run_until([&] { return outcome.num_calls == 1; });
    check_failed(outcome, "bad_address");
  }
}

TEST_CASE("Attempts may outlive nothing but may end with the loop") {
  Outcome outcome;
  const FullListener full;
  {
    LoopFixture fixture;
    outcome.begin(fixture, "127.0.0.1", full.listener.port(), seconds(10));
    fixture.run_turns();
    outcome.attempt.reset();
  }
  CHECK(outcome.num_calls == 0);
}

}  // namespace
