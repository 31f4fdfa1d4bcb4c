// Streams of TlsTransport with a client in memory: bytes, pauses, ends, failures.
#include "tls/tls_transport.h"

#include <doctest/doctest.h>

#include "tls/tls_fixture.h"

namespace ingress::tls {
namespace {

TEST_CASE("CarriesBytesBothWaysInBothVersions") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Server server;
    Connection connection(server, {.min_version = version, .max_version = version});
    CHECK(connection.transport->secure() == nullptr);
    CHECK_FALSE(connection.transport->is_ready());
    REQUIRE(connection.client.shake_hands());
    CHECK(connection.handler.num_ready == 1);
    CHECK(connection.transport->is_ready());
    REQUIRE(connection.transport->secure() != nullptr);
    CHECK(connection.transport->secure()->server_name() == "a.example");
    CHECK(connection.handler.num_reads == 0);
    connection.client.send("request");
    CHECK(connection.handler.text == "request");
    connection.write("answer");
    CHECK(connection.client.read() == "answer");
    CHECK(connection.transport->written_bytes() == 6);
    CHECK(server.counters.handshakes.get() == 1);
    CHECK(server.counters.handshakes_resumed.get() == 0);
    CHECK(connection.handler.broken.empty());
  }
}

TEST_CASE("AHandshakeAndARequestMayComeByteByByte") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Server server;
    Connection connection(server, {.min_version = version, .max_version = version});
    REQUIRE(connection.client.shake_hands(1));
    connection.client.send("GET / HTTP/1.1\r\n\r\n", 1);
    CHECK(connection.handler.text == "GET / HTTP/1.1\r\n\r\n");
    CHECK(connection.handler.num_reads == 1);  // a record is read when it is whole
  }
}

TEST_CASE("LargeMessagesArriveWholeAndOneWriteIsOneWriteBelow") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  const std::string text = some_text(1'000'000);
  connection.client.send(text);
  CHECK(connection.handler.text == text);
  const std::size_t writes = connection.peer->num_writes();
  connection.write(text);
  CHECK(connection.peer->num_writes() == writes + 1);
  CHECK(connection.client.read() == text);
  // Records are full: a head and what follows it share one.
  base::Chain pieces;
  for (const char* piece : {"head ", "body ", "end"}) pieces.append(server.loop->buffers().copy(piece));
  connection.transport->write(std::move(pieces));
  const std::string bytes = connection.peer->received();
  CHECK(bytes.size() < 13 + 5 + 17 + 1);
  CHECK(connection.client.read() == "head body end");
}

TEST_CASE("APausedStreamDecryptsNothingAndGoesOnFromTheLoop") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  connection.handler.on_bytes = [&] { connection.transport->pause(net::PauseReason::kPeerSlow); };
  const std::string text = some_text(300'000);
  connection.client.send(text);
  const std::size_t first = connection.handler.text.size();
  CHECK(first > 0);
  CHECK(first <= 64 * 1024);
  int turns = 0;
  while (connection.handler.text.size() < text.size() && ++turns < 100) {
    const std::size_t before = connection.handler.text.size();
    connection.transport->resume(net::PauseReason::kPeerSlow);
    CHECK(connection.handler.text.size() == before);  // never from inside a call of the owner's
    server.turn();
    connection.peer->turn();
  }
  CHECK(connection.handler.text == text);
}

TEST_CASE("TheEndOfEachDirectionIsToldAndSaid") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  connection.client.send("last");
  connection.client.say_goodbye();
  CHECK(connection.handler.text == "last");
  CHECK(connection.handler.num_ends == 1);
  connection.peer->end_sending();
  CHECK(connection.handler.num_ends == 1);
  connection.write("answer");
  connection.transport->shutdown_write();
  CHECK(connection.client.read() == "answer");
  CHECK(connection.client.has_ended());
  CHECK(connection.peer->has_write_ended());
}

TEST_CASE("WhatComesBehindAGoodbyeIsNeitherReadNorKept") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  connection.client.say_goodbye();
  CHECK(connection.handler.num_ends == 1);
  const std::size_t before = server.loop->buffers().live_bytes();
  for (int i = 0; i < 100; ++i) connection.peer->send(some_text(10'000));
  CHECK(server.loop->buffers().live_bytes() == before);
  CHECK(connection.handler.text.empty());
  CHECK(connection.handler.broken.empty());
  connection.write("still");
  CHECK(connection.client.read() == "still");
}

TEST_CASE("AGoodbyeBehindBytesThatPausedTheStreamIsToldLater") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  connection.handler.on_bytes = [&] { connection.transport->pause(net::PauseReason::kPeerSlow); };
  SSL_write(connection.client.ssl(), "last", 4);
  SSL_shutdown(connection.client.ssl());
  connection.peer->send(connection.client.take_output());
  CHECK(connection.handler.text == "last");
  CHECK(connection.handler.num_ends == 0);
  connection.transport->resume(net::PauseReason::kPeerSlow);
  server.turn();
  CHECK(connection.handler.num_ends == 1);
}

TEST_CASE("AnEndWithoutGoodbyeIsAnEnd") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  connection.client.send("cut");
  connection.peer->end_sending();
  CHECK(connection.handler.text == "cut");
  CHECK(connection.handler.num_ends == 1);
  CHECK(connection.handler.broken.empty());
}

TEST_CASE("ClosingSaysGoodbyeAndResettingDoesNot") {
  Server server;
  Connection closed(server);
  REQUIRE(closed.client.shake_hands());
  closed.client.read();
  closed.transport->close();
  closed.client.read();
  CHECK(closed.client.has_ended());
  CHECK(closed.peer->end() == FakePeer::End::kClosed);
  Connection cut(server);
  REQUIRE(cut.client.shake_hands());
  cut.client.read();
  cut.transport->reset();
  cut.client.read();
  CHECK_FALSE(cut.client.has_ended());
  CHECK(cut.peer->end() == FakePeer::End::kReset);
}

TEST_CASE("WhatIsNotTlsBreaksTheStreamAlone") {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string(64, '\0'), std::string(64, '\xff')}) {
    Server server;
    Connection connection(server);
    connection.peer->send(bytes);
    CHECK(connection.handler.broken == std::vector<std::string>{"tls_handshake_failed"});
    CHECK(connection.handler.text.empty());
    CHECK(server.counters.handshakes_failed.get() == 1);
  }
}

TEST_CASE("AStreamThatBreaksBelowIsToldOnce") {
  for (const bool has_shaken_hands : {false, true}) {
    Server server;
    Connection connection(server);
    if (has_shaken_hands) REQUIRE(connection.client.shake_hands());
    connection.peer->break_with({.code = ErrorCode::kIo, .what = "reset"});
    CHECK(connection.handler.broken == std::vector<std::string>{"reset"});
    CHECK(server.counters.handshakes_failed.get() == (has_shaken_hands ? 0 : 1));
  }
}

TEST_CASE("AChangedRecordBreaksTheStreamAndIsNotRead") {
  Server server;
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  SSL_write(connection.client.ssl(), "secret", 6);
  std::string record = connection.client.take_output();
  record.back() = static_cast<char>(record.back() ^ 1);
  connection.peer->send(record);
  CHECK(connection.handler.text.empty());
  CHECK(connection.handler.broken == std::vector<std::string>{"tls_record"});
}

TEST_CASE("AHandshakeThatEndsEarlyIsBrokenAtEveryByte") {
  Server server;
  const std::string hello = [&] {
    Connection connection(server);
    SSL_do_handshake(connection.client.ssl());
    return connection.client.take_output();
  }();
  REQUIRE(hello.size() > 100);
  for (std::size_t size = 0; size < hello.size(); ++size) {
    Connection connection(server);
    if (size > 0) connection.peer->send(hello.substr(0, size));
    connection.peer->end_sending();
    REQUIRE(connection.handler.broken == std::vector<std::string>{"tls_closed_in_handshake"});
  }
}

TEST_CASE("TheOwnerMayCloseOrDestroyFromInsideAnyCall") {
  for (const bool destroys : {false, true}) {
    Server server;
    Connection connection(server);
    REQUIRE(connection.client.shake_hands());
    connection.handler.on_bytes = [&] {
      if (destroys) {
        connection.transport.reset();
      } else {
        connection.transport->close();
      }
    };
    connection.client.send(some_text(200'000));
    CHECK(connection.handler.num_reads == 1);
    CHECK(connection.handler.broken.empty());
    server.turn();
  }
}

TEST_CASE("AHandshakeThatTakesTooLongIsBroken") {
  Server server;
  auto peer = FakePeer::make(&server.loop->buffers());
  Recorder handler;
  auto transport = std::move(*accept(*server.loop, peer->take_transport(),
                                     {.context = server.context,
                                      .certificates = server.table,
                                      .handshake_limit = std::chrono::milliseconds(20)},
                                     server.counters));
  struct Stop final : net::TransportHandler {
    void on_read(base::Slice) override {}
    void on_read_end() override {}
    void on_drained() override {}
    void on_broken(Error error) override {
      what = error.what;
      loop->stop();
    }
    std::string what;
    net::EventLoop* loop = nullptr;
  } stopping;
  stopping.loop = server.loop.get();
  transport->start(&stopping);
  server.loop->run();  // until the limit
  CHECK(stopping.what == "tls_handshake_timeout");
  CHECK(server.counters.handshakes_failed.get() == 1);
  transport.reset();
  server.turn();
}

}  // namespace
}  // namespace ingress::tls
