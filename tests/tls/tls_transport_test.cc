// Handshakes and streams of TlsTransport with a client in memory.
#include "tls/tls_transport.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tls/test_certificates.h"
#include "tls/test_client.h"

namespace ingress::tls {
namespace {

using test::ClientRecipe;
using test::FakePeer;
using test::make_certificate;
using test::TestClient;
using test::TestKey;

// What stands on the transport.
class Recorder final : public net::TransportHandler {
 public:
  void on_ready() override { ++num_ready; }
  void on_read(base::Slice bytes) override {
    text += bytes.view();
    ++num_reads;
    if (on_bytes) on_bytes();
  }
  void on_read_end() override { ++num_ends; }
  void on_drained() override { ++num_drained; }
  void on_broken(Error error) override { broken.push_back(error.what); }

  std::string text;
  int num_ready = 0, num_reads = 0, num_ends = 0, num_drained = 0;
  std::vector<std::string> broken;
  std::function<void()> on_bytes;
};

struct Server {
  explicit Server(ListenerTls settings = {}, std::vector<Certificate> certificates = {make_certificate()})
      : loop(std::move(*net::EventLoop::create())),
        context(std::move(*ServerContext::create(settings, "web", std::make_shared<TicketKeys>()))) {
    CertTable::Builder builder{CertTable()};
    for (const Certificate& certificate : certificates) {
      auto loaded = ServedCertificate::load(certificate, std::chrono::system_clock::now());
      REQUIRE(loaded.certificate);
      builder.put(std::move(loaded.certificate));
    }
    table = std::make_shared<const CertTable>(builder.take());
  }
  // Runs what was deferred.
  void turn() {
    loop->post([this] { loop->stop(); });
    loop->run();
  }

  std::unique_ptr<net::EventLoop> loop;
  std::shared_ptr<const ServerContext> context;
  std::shared_ptr<const CertTable> table;
  TlsCounters counters;
};

struct Connection {
  explicit Connection(Server& server_in, ClientRecipe recipe = {})
      : server(server_in),
        peer(FakePeer::make(&server.loop->buffers())),
        client(peer, recipe),
        transport(std::move(*accept(*server.loop, peer->take_transport(),
                                    {.context = server.context,
                                     .certificates = server.table,
                                     .handshake_limit = std::chrono::seconds(10)},
                                    server.counters))) {
    transport->start(&handler);
  }
  ~Connection() {
    transport.reset();
    server.turn();
  }
  void write(std::string_view text) {
    base::Chain chain;
    for (; !text.empty(); text.remove_prefix(std::min<std::size_t>(text.size(), 50'000)))
      chain.append(server.loop->buffers().copy(text.substr(0, 50'000)));
    transport->write(std::move(chain));
  }

  Server& server;
  std::shared_ptr<FakePeer> peer;
  TestClient client;
  Recorder handler;
  net::TransportPtr transport;
};

std::string some_text(std::size_t size) {
  std::string text;
  while (text.size() < size) text += std::to_string(text.size()) + ' ';
  text.resize(size);
  return text;
}

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

TEST_CASE("TheServerNameDecidesTheCertificate") {
  const std::vector<Certificate> certificates = {
      make_certificate({.name = "one", .dns_names = {"a.example"}, .server_names = {"a.example"}}),
      make_certificate({.name = "wild", .dns_names = {"*.example"}, .server_names = {"*.example"}}),
      make_certificate({.name = "default", .dns_names = {}, .server_names = {}})};
  const auto subject = [&](const std::string& server_name, const std::string& default_certificate) {
    Server server({.default_certificate = default_certificate}, certificates);
    Connection connection(server, {.server_name = server_name});
    return connection.client.shake_hands() ? connection.client.subject()
                                           : std::to_string(connection.client.reason());
  };
  const std::string unrecognized = std::to_string(SSL_R_TLSV1_UNRECOGNIZED_NAME);
  CHECK(subject("a.example", "") == "one");
  CHECK(subject("A.Example", "") == "one");
  CHECK(subject("b.example", "") == "wild");
  CHECK(subject("c.b.example", "") == unrecognized);
  CHECK(subject("", "") == unrecognized);
  CHECK(subject("c.b.example", "default") == "default");
  CHECK(subject("", "default") == "default");
  CHECK(subject("a.example", "default") == "one");
  CHECK(subject("other", "absent") == unrecognized);
}

TEST_CASE("TheClientsAlgorithmsDecideBetweenCertificatesOfOneName") {
  const std::vector<Certificate> certificates = {make_certificate({.name = "rsa", .key = TestKey::kRsa2048}),
                                                 make_certificate({.name = "ecdsa", .key = TestKey::kP256})};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Server server({}, certificates);
    Connection both(server, {.min_version = version, .max_version = version});
    REQUIRE(both.client.shake_hands());
    CHECK(both.client.subject() == "ecdsa");
    Connection rsa_only(server, {.min_version = version,
                                 .max_version = version,
                                 .verify_algorithms = {SSL_SIGN_RSA_PSS_RSAE_SHA256}});
    REQUIRE(rsa_only.client.shake_hands());
    CHECK(rsa_only.client.subject() == "rsa");
  }
}

TEST_CASE("ServesOnlyHostsThatTheCertificateShownProves") {
  const std::vector<Certificate> certificates = {
      make_certificate({.dns_names = {"a.example", "*.w.example"}, .server_names = {"a.example"}}),
      make_certificate({.name = "default", .dns_names = {"d.example"}, .server_names = {}})};
  Server server({.default_certificate = "default"}, certificates);
  Connection named(server);
  REQUIRE(named.client.shake_hands());
  CHECK(named.transport->secure()->may_serve("a.example"));
  CHECK(named.transport->secure()->may_serve("x.w.example"));
  CHECK(named.transport->secure()->may_serve("a.example."));
  CHECK_FALSE(named.transport->secure()->may_serve("d.example"));
  CHECK_FALSE(named.transport->secure()->may_serve(""));
  Connection by_default(server, {.server_name = "unknown.example"});
  REQUIRE(by_default.client.shake_hands());
  CHECK(by_default.transport->secure()->may_serve("anything.example"));
  Connection nameless(server, {.server_name = ""});
  REQUIRE(nameless.client.shake_hands());
  CHECK(nameless.transport->secure()->may_serve("anything.example"));
}

TEST_CASE("ACertificateThatDoesNotProveItsServerNameServesThatHost") {
  Server server({}, {make_certificate({.dns_names = {"x.example"}, .server_names = {"a.example"}})});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("a.example"));
  CHECK_FALSE(connection.transport->secure()->may_serve("b.example"));
}

TEST_CASE("OfSeveralCertificatesOfferedAllHaveToProveAnotherHost") {
  Server server({}, {make_certificate({.name = "one", .dns_names = {"a.example", "b.example"}}),
                     make_certificate({.name = "two", .key = TestKey::kRsa2048})});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("a.example"));
  CHECK_FALSE(connection.transport->secure()->may_serve("b.example"));
}

TEST_CASE("TheDefaultCertificateIsTheDefaultAlsoWhereItIsNamed") {
  Server server({.default_certificate = "test"}, {make_certificate()});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("other.example"));
}

TEST_CASE("VersionsOutsideOfTheListenersAreRefused") {
  Server modern({.min_version = TlsVersion::kTls13});
  Connection old_client(modern, {.max_version = TLS1_2_VERSION});
  CHECK_FALSE(old_client.client.shake_hands());
  CHECK(old_client.handler.broken == std::vector<std::string>{"tls_handshake_failed"});
  CHECK(modern.counters.handshakes_failed.get() == 1);
  Server old({.max_version = TlsVersion::kTls12});
  Connection new_client(old, {.min_version = TLS1_3_VERSION});
  CHECK_FALSE(new_client.client.shake_hands());
  Server usual;
  Connection ancient(usual, {.min_version = TLS1_VERSION, .max_version = TLS1_1_VERSION});
  CHECK_FALSE(ancient.client.shake_hands());
}

TEST_CASE("SpeaksHttp11OrNothingThatTheClientOffers") {
  Server server;
  Connection both(server, {.alpn = std::string("\x02h2\x08http/1.1", 12)});
  REQUIRE(both.client.shake_hands());
  CHECK(both.client.alpn() == "http/1.1");
  Connection h2_only(server, {.alpn = std::string("\x02h2", 3)});
  CHECK_FALSE(h2_only.client.shake_hands());
  CHECK(h2_only.client.reason() == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
}

TEST_CASE("SessionsResumeUnderTheSameCertificatesOnly") {
  const std::vector<Certificate> certificates = {
      make_certificate(),
      make_certificate({.name = "b", .dns_names = {"b.example"}, .server_names = {"b.example"}})};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Server server({}, certificates);
    const ClientRecipe recipe{.min_version = version, .max_version = version};
    Connection first(server, recipe);
    REQUIRE(first.client.shake_hands());
    first.write("x");
    CHECK(first.client.read() == "x");
    REQUIRE(first.client.session() != nullptr);
    ClientRecipe again = recipe;
    again.session = first.client.session();
    {
      Connection second(server, again);
      REQUIRE(second.client.shake_hands());
      CHECK(second.client.is_resumed());
      CHECK(server.counters.handshakes_resumed.get() == 1);
      second.client.send("more");
      CHECK(second.handler.text == "more");
      CHECK_FALSE(second.transport->secure()->may_serve("b.example"));
    }
    again.server_name = "b.example";
    Connection other(server, again);
    REQUIRE(other.client.shake_hands());
    CHECK_FALSE(other.client.is_resumed());
    CHECK(other.client.subject() == "b");
  }
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

TEST_CASE("AChangedTicketCostsAFullHandshakeAndNoMore") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Server server;
    ClientRecipe recipe{.min_version = version, .max_version = version};
    Connection first(server, recipe);
    REQUIRE(first.client.shake_hands());
    first.write("x");
    first.client.read();
    REQUIRE(first.client.session() != nullptr);
    const std::uint8_t* ticket = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket(first.client.session(), &ticket, &size);
    std::string changed(reinterpret_cast<const char*>(ticket), size);
    changed[0] = static_cast<char>(changed[0] ^ 1);
    SSL_SESSION_set_ticket(first.client.session(), reinterpret_cast<const std::uint8_t*>(changed.data()),
                           changed.size());
    recipe.session = first.client.session();
    Connection second(server, recipe);
    REQUIRE(second.client.shake_hands());
    CHECK_FALSE(second.client.is_resumed());
    CHECK(second.handler.broken.empty());
  }
}

TEST_CASE("TheHybridGroupIsTakenOnlyWhereItsShareWasSent") {
  struct Row {
    std::vector<std::uint16_t> groups, shares;
    std::uint16_t taken;
  };
  const Row rows[] = {
      {{SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519},
       {SSL_GROUP_X25519_MLKEM768, SSL_GROUP_X25519},
       SSL_GROUP_X25519_MLKEM768},
      {{SSL_GROUP_X25519, SSL_GROUP_X25519_MLKEM768}, {SSL_GROUP_X25519}, SSL_GROUP_X25519},
      {{SSL_GROUP_SECP384R1, SSL_GROUP_SECP256R1}, {SSL_GROUP_SECP256R1}, SSL_GROUP_SECP256R1}};
  for (const Row& row : rows) {
    Server server;
    Connection connection(server, {.min_version = TLS1_3_VERSION});
    SSL_set1_group_ids(connection.client.ssl(), row.groups.data(), row.groups.size());
    SSL_set1_client_key_shares(connection.client.ssl(), row.shares.data(), row.shares.size());
    REQUIRE(connection.client.shake_hands());
    CHECK(SSL_get_group_id(connection.client.ssl()) == row.taken);
    CHECK_FALSE(SSL_used_hello_retry_request(connection.client.ssl()));
  }
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
