// Streams over real sockets: loopback with TLS, unix sockets, socketpairs.
#include "ingress/stream.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <functional>

#include "tls/stream_fixture.h"

using namespace ingress;
using std::chrono::milliseconds;
using test::identity;
using test::Issued;
using test::TestAuthority;
using test::text_of_all_bytes;
using Recorder = test::StreamRecorder;
using World = test::StreamWorld;

TEST_CASE("StreamsCarryBytesBothWaysOverMutualTls") {
  World world;
  const StreamIdentity server = identity("controller", "data-plane");
  const StreamIdentity client = identity("data-plane", "controller");
  world.listen("127.0.0.1", &server);
  auto opened = world.open({"127.0.0.1", world.port}, &client);
  REQUIRE(opened);
  Recorder mine(std::move(*opened));
  mine.stream->write("hello");
  world.run_until([&] { return !world.accepted.empty() && world.accepted[0]->received == "hello"; });
  CHECK(world.accepted[0]->stream->peer().starts_with("127.0.0.1:"));
  world.accepted[0]->stream->write("there");
  world.run_until([&] { return mine.received == "there"; });
  world.accepted.clear();
  world.run_until([&] { return mine.closed.has_value(); });
  CHECK(mine.closed->has_value());
}

TEST_CASE("UrisAndAddressesAreNamesToo") {
  World world;
  const Issued theirs = test::link_authority().issue({.dns_names = {}, .uris = {"spiffe://a/controller"}});
  const Issued ours = test::link_authority().issue({.dns_names = {}, .ip_addresses = {"127.0.0.1"}});
  const StreamIdentity server{
      theirs.chain, {theirs.key}, test::link_authority().pem(), {"10.0.0.1", "127.0.0.1"}};
  const StreamIdentity client{
      ours.chain, {ours.key}, test::link_authority().pem(), {"spiffe://a/controller"}};
  world.listen("127.0.0.1", &server);
  auto opened = world.open({"localhost", world.port}, &client);
  REQUIRE(opened);
  Recorder mine(std::move(*opened));
  mine.stream->write("x");
  world.run_until([&] { return !world.accepted.empty() && world.accepted[0]->received == "x"; });
}

TEST_CASE("AClientRefusesAServerThatIsNotWhoItShouldBe") {
  static const TestAuthority other("Other CA");
  const StreamIdentity client = identity("data-plane", "controller");
  const struct {
    StreamIdentity server;
    const char* what;
  } rows[] = {{identity("controller", "data-plane", other), "unknown_ca"},
              {identity("somebody", "data-plane"), "san_mismatch"}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    World world;
    world.listen("127.0.0.1", &row.server);
    const auto opened = world.open({"127.0.0.1", world.port}, &client);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::kUpstreamTls);
    CHECK(std::string_view(opened.error().what) == row.what);
    world.run_until([&] { return !world.refused.empty(); });
    CHECK(world.refused[0].detail.starts_with("127.0.0.1:"));
    CHECK(world.accepted.empty());
  }
}

TEST_CASE("AServerRefusesClientsThatAreNotWhoTheyShouldBe") {
  static const TestAuthority other("Other CA");
  const StreamIdentity server = identity("controller", "data-plane");
  StreamIdentity stranger = identity("data-plane", "controller", other);
  stranger.ca_bundle = test::link_authority().pem();
  const struct {
    StreamIdentity client;
    const char* what;
  } rows[] = {{stranger, "tls_client_certificate_untrusted"},
              {identity("somebody", "controller"), "tls_client_certificate_not_allowed"}};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    World world;
    world.listen("127.0.0.1", &server);
    // TLS 1.3: it takes itself for connected until the alert comes.
    auto opened = world.open({"127.0.0.1", world.port}, &row.client);
    REQUIRE(opened);
    Recorder mine(std::move(*opened));
    mine.stream->write("secret");
    world.run_until([&] { return !world.refused.empty() && mine.closed; });
    CHECK(std::string_view(world.refused[0].what) == row.what);
    REQUIRE_FALSE(mine.closed->has_value());
    CHECK(mine.closed->error().code == ErrorCode::kUpstreamTls);
    CHECK(world.accepted.empty());
  }
}

TEST_CASE("WhoSpeaksNoTlsIsRefused") {
  World world;
  const StreamIdentity server = identity("controller", "data-plane");
  world.listen(("unix:" + world.folder + "/s"), &server);
  auto opened = world.open({"unix:" + world.folder + "/s"}, nullptr);
  REQUIRE(opened);
  Recorder mine(std::move(*opened));
  mine.stream->write("GET / HTTP/1.1\r\n\r\n");
  world.run_until([&] { return !world.refused.empty(); });
  CHECK(world.accepted.empty());
}

TEST_CASE("ASilentServerIsGivenUp") {
  World world;
  auto bound = net::bind_listening("127.0.0.1", 0, 1);
  REQUIRE(bound);
  const StreamIdentity client = identity("data-plane", "controller");
  const auto opened = world.open({"127.0.0.1", bound->port}, &client, milliseconds(50));
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kTimeout);
  ::close(bound->fds[0]);
}

TEST_CASE("WhatCannotBeReachedIsAnError") {
  World world;
  const StreamIdentity client = identity("data-plane", "controller");
  auto bound = net::bind_listening("127.0.0.1", 0, 1);
  REQUIRE(bound);
  ::close(bound->fds[0]);
  auto opened = world.open({"127.0.0.1", bound->port}, &client);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kConnectFailed);
  opened = world.open({"unix:" + world.folder + "/none"}, nullptr);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kConnectFailed);
  opened = world.open({"unix:" + std::string(200, 'x')}, nullptr);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("NothingGoesOverTcpWithoutTls") {
  World world;
  auto bound = net::bind_listening("127.0.0.1", 0, 1);
  REQUIRE(bound);
  const auto opened = world.open({"127.0.0.1", bound->port}, nullptr);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == ErrorCode::kInvalidArgument);
  const auto accepting = accept_streams(
      *world.loop, bound->fds[0], nullptr, [](std::unique_ptr<Stream>) {}, [](const Error&) {});
  REQUIRE_FALSE(accepting);
  CHECK(accepting.error().code == ErrorCode::kInvalidArgument);
}

TEST_CASE("IdentitiesThatWouldCheckNothingAreRefused") {
  World world;
  using Change = void (*)(StreamIdentity&);
  const Change changes[] = {
      [](StreamIdentity& it) { it.chain.clear(); },
      [](StreamIdentity& it) { it.key.text.clear(); },
      [](StreamIdentity& it) { it.key.text = identity("x", "y").key.text; },
      [](StreamIdentity& it) { it.ca_bundle.clear(); },
      [](StreamIdentity& it) { it.ca_bundle = "nonsense"; },
      [](StreamIdentity& it) { it.allowed_names.clear(); },
      [](StreamIdentity& it) { it.allowed_names = {""}; },
      [](StreamIdentity& it) { it.allowed_names = {"*.example"}; },
  };
  for (std::size_t i = 0; i < std::size(changes); ++i) {
    CAPTURE(i);
    StreamIdentity wrong = identity("a", "b");
    changes[i](wrong);
    auto bound = net::bind_listening("127.0.0.1", 0, 1);
    REQUIRE(bound);
    const auto opened = world.open({"127.0.0.1", bound->port}, &wrong);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == ErrorCode::kInvalidArgument);
    const auto accepting = accept_streams(
        *world.loop, bound->fds[0], &wrong, [](std::unique_ptr<Stream>) {}, [](const Error&) {});
    REQUIRE_FALSE(accepting);
    CHECK(accepting.error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("UnixSocketsNeedNoTls") {
  World world;
  world.listen("unix:" + world.folder + "/s", nullptr);
  auto opened = world.open({"unix:" + world.folder + "/s"}, nullptr);
  REQUIRE(opened);
  Recorder mine(std::move(*opened));
  const std::string text = text_of_all_bytes(3'000'000);
  mine.stream->write(text);
  CHECK(mine.stream->queued_bytes() > 0);
  world.run_until(
      [&] { return !world.accepted.empty() && world.accepted[0]->received.size() == text.size(); });
  CHECK(world.accepted[0]->received == text);
  world.run_until([&] { return mine.num_drained == 1; });
  CHECK(mine.stream->queued_bytes() == 0);
  CHECK(world.accepted[0]->stream->peer() == "unix");
}

TEST_CASE("APausedStreamHoldsBackTheOtherEnd") {
  for (const bool has_tls : {false, true}) {
    CAPTURE(has_tls);
    World world;
    const StreamIdentity server = identity("controller", "data-plane");
    const StreamIdentity client = identity("data-plane", "controller");
    const std::string address = has_tls ? "127.0.0.1" : "unix:" + world.folder + "/s";
    world.listen(address, has_tls ? &server : nullptr);
    auto opened = world.open({address, world.port}, has_tls ? &client : nullptr);
    REQUIRE(opened);
    Recorder mine(std::move(*opened));
    world.run_until([&] { return !world.accepted.empty(); });
    Recorder& theirs = *world.accepted[0];
    theirs.stream->pause();
    const std::string text = text_of_all_bytes(20'000'000);
    mine.stream->write(text);
    int turns = 0;
    const auto count = world.loop->every(milliseconds(10), [&] { ++turns; });
    world.run_until([&] { return turns >= 5; });
    CHECK(theirs.received.empty());
    CHECK(mine.stream->queued_bytes() > 0);
    CHECK(mine.num_drained == 0);
    theirs.stream->resume();
    world.run_until([&] { return theirs.received.size() >= text.size(); });
    CHECK(theirs.received == text);
  }
}

TEST_CASE("BothEndsOfASocketpairAreStreams") {
  World world;
  int fds[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  auto first = adopt_stream(*world.loop, fds[0]);
  auto second = adopt_stream(*world.loop, fds[1]);
  REQUIRE(first);
  REQUIRE(second);
  (*first)->write("kept until somebody listens");
  Recorder mine(std::move(*second));
  world.run_until([&] { return mine.received == "kept until somebody listens"; });
  // What ended before start() is told after it, from the loop.
  mine.stream.reset();
  int turns = 0;
  const auto count = world.loop->every(milliseconds(10), [&] { ++turns; });
  world.run_until([&] { return turns >= 2; });
  (*first)->write("nobody reads this");
  world.run_until([&] { return turns >= 4; });
  Recorder late(std::move(*first));
  CHECK_FALSE(late.closed);
  world.run_until([&] { return late.closed.has_value(); });
}

TEST_CASE("OnlyConnectedStreamSocketsAreAdopted") {
  World world;
  int fds[2];
  REQUIRE(::pipe(fds) == 0);
  ::close(fds[1]);
  const int sockets[] = {fds[0], -1, ::socket(AF_UNIX, SOCK_STREAM, 0), ::socket(AF_INET, SOCK_DGRAM, 0)};
  for (const int fd : sockets) {
    const auto adopted = adopt_stream(*world.loop, fd);
    REQUIRE_FALSE(adopted);
    CHECK(adopted.error().code == ErrorCode::kInvalidArgument);
  }
}

TEST_CASE("StreamsAndHandlesMayBeDestroyedInTheirCallbacks") {
  World world;
  const StreamIdentity server = identity("controller", "data-plane");
  const StreamIdentity client = identity("data-plane", "controller");
  auto bound = net::bind_listening("127.0.0.1", 0, 1);
  REQUIRE(bound);
  std::unique_ptr<Recorder> theirs;
  std::unique_ptr<StreamHandle> accepting;
  accepting = std::move(*accept_streams(
      *world.loop, bound->fds[0], &server,
      [&](std::unique_ptr<Stream> stream) {
        theirs = std::make_unique<Recorder>(std::move(stream));
        theirs->on_event = [&] { theirs->stream.reset(); };
        accepting.reset();
      },
      [](const Error&) {}));
  std::unique_ptr<Recorder> mine;
  std::unique_ptr<StreamHandle> opening;
  opening = open_stream(*world.loop, {"127.0.0.1", bound->port}, &client, milliseconds(20'000),
                        [&](std::expected<std::unique_ptr<Stream>, Error> opened) {
                          REQUIRE(opened);
                          mine = std::make_unique<Recorder>(std::move(*opened));
                          mine->on_event = [&] { mine->stream.reset(); };
                          mine->stream->write("end it");
                          opening.reset();
                        });
  world.run_until([&] { return mine && mine->closed; });
  CHECK(theirs->received == "end it");
  CHECK_FALSE(accepting);
}

TEST_CASE("AnOpeningThatIsDestroyedNeverCallsBack") {
  World world;
  const StreamIdentity server = identity("controller", "data-plane");
  const StreamIdentity client = identity("data-plane", "controller");
  world.listen("127.0.0.1", &server);
  for (int turns_before = 0; turns_before < 6; ++turns_before) {
    bool is_called = false;
    auto opening = open_stream(*world.loop, {"127.0.0.1", world.port}, &client, milliseconds(20'000),
                               [&](auto) { is_called = true; });
    for (int i = 0; i < turns_before && !is_called; ++i) {
      world.loop->post([&] { world.loop->stop(); });
      world.loop->run();
    }
    const bool was_called = is_called;
    opening.reset();
    int turns = 0;
    const auto count = world.loop->every(milliseconds(10), [&] { ++turns; });
    world.run_until([&] { return turns >= 2; });
    CHECK(is_called == was_called);
  }
}
