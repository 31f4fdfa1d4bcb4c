// The client's side of TlsTransport with a server in memory: bytes, client certificates, sessions, ends.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tls/client_fixture.h"

namespace ingress::tls {
namespace {

TEST_CASE("SpeaksToABackendThatItKnowsInBothVersions") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    ClientConnection connection(client, context_of(trusting()), backend);
    CHECK_FALSE(connection.transport->is_ready());
    REQUIRE(connection.shake_hands());
    CHECK(connection.transport->is_ready());
    CHECK(connection.server.server_name() == "backend.example");
    CHECK(connection.server.alpn() == "http/1.1");
    CHECK_FALSE(connection.server.has_client_certificate());
    connection.write("request");
    CHECK(connection.server.read() == "request");
    connection.server.send("answer");
    CHECK(connection.handler.text == "answer");
    connection.server.say_goodbye();
    CHECK(connection.handler.num_ends == 1);
    CHECK(connection.handler.broken.empty());
    CHECK(client.counters.handshakes.get() == 1);
  }
}

TEST_CASE("AHandshakeMayBeSplitAtEveryByte") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    ClientConnection connection(client, context_of(trusting()), backend);
    REQUIRE(connection.shake_hands(1));
    connection.server.send("HTTP/1.1 200 OK\r\n", 1);
    CHECK(connection.handler.text == "HTTP/1.1 200 OK\r\n");
  }
}

TEST_CASE("AHandshakeThatEndsAtAnyByteIsNone") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    const ClientContextPtr context = context_of(trusting());
    bool is_cut = true;
    std::size_t num_cuts = 0;
    for (std::size_t bytes = 0; is_cut; bytes += 3) {
      CAPTURE(version);
      CAPTURE(bytes);
      Client client;
      ClientConnection connection(client, context, backend);
      connection.server.cut_after(bytes);
      const bool is_done = connection.shake_hands();
      is_cut = connection.server.has_cut();
      // In TLS 1.3 what comes last, and may be lost, are sessions.
      if (!is_cut || is_done) continue;
      ++num_cuts;
      connection.peer->end_sending();
      CHECK(connection.handler.num_ready == 0);
      REQUIRE(connection.handler.broken.size() == 1);
      CHECK(connection.handler.broken.front().code == ErrorCode::kUpstreamTls);
      CHECK(std::string(connection.handler.broken.front().what) == "closed");
    }
    CHECK(num_cuts > 200);
  }
}

TEST_CASE("NothingThatIsWrittenBeforeTheHandshakeIsDoneLeaves") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  ClientConnection connection(client, context_of(trusting()), backend);
  connection.write("secret");
  CHECK(connection.peer->received().find("secret") == std::string::npos);
  REQUIRE(connection.shake_hands());
  CHECK(connection.server.read().empty());
}

TEST_CASE("ShowsItsCertificateToWhoAsksForIt") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(),
                               .client_ca = authority().pem(),
                               .min_version = version,
                               .max_version = version});
    BackendTls settings = trusting();
    const Issued shown = authority().issue({.dns_names = {}, .uris = {"spiffe://example.org/gateway"}});
    settings.client_certificate = shown.chain;
    settings.client_key = {shown.key};
    ClientConnection connection(client, context_of(settings), backend);
    REQUIRE(connection.shake_hands());
    CHECK(connection.server.has_client_certificate());
  }
}

TEST_CASE("AMissingOrWrongClientCertificateIsNamedAsTheCause") {
  const TestAuthority other("Other CA");
  const Issued wrong = other.issue();
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const bool has_wrong_one : {false, true}) {
      CAPTURE(version);
      CAPTURE(has_wrong_one);
      Client client;
      const TestBackend backend({.shown = authority().issue(),
                                 .client_ca = authority().pem(),
                                 .min_version = version,
                                 .max_version = version});
      BackendTls settings = trusting();
      if (has_wrong_one) {
        settings.client_certificate = wrong.chain;
        settings.client_key = {wrong.key};
      }
      ClientConnection connection(client, context_of(settings), backend);
      connection.shake_hands();  // in TLS 1.3 done on our side before theirs has failed
      connection.server.step();
      REQUIRE(connection.handler.broken.size() == 1);
      CHECK(connection.handler.broken.front().code == ErrorCode::kUpstreamTls);
      CHECK(std::string(connection.handler.broken.front().what) == "client_certificate");
      CHECK(connection.handler.broken.front().retry == RetrySafety::kNotSafe);
      CHECK(client.failures(ClientTlsFailure::kClientCertificate) == 1);
      CHECK(client.sessions->size() == 0);
    }
  }
}

TEST_CASE("OtherFailuresOfAHandshakeAreNamedAndSafeToRetry") {
  const TestBackend old({.shown = authority().issue(), .max_version = TLS1_2_VERSION});
  BackendTls modern = trusting();
  modern.min_version = TlsVersion::kTls13;
  using Fail = std::function<void(ClientConnection&)>;
  const std::vector<std::pair<const char*, Fail>> ways = {
      {"version", [](ClientConnection& c) { c.server.step(); }},
      {"not_tls", [](ClientConnection& c) { c.peer->send("HTTP/1.1 400 Bad Request\r\n\r\n"); }},
      {"handshake",
       [](ClientConnection& c) { c.peer->send(std::string("\x16\x03\x03\x00\x04\x63\x00\x00\x00", 9)); }},
      {"closed", [](ClientConnection& c) { c.peer->end_sending(); }},
      {"closed", [](ClientConnection& c) { c.peer->break_with(); }},
  };
  for (const auto& [what, fail] : ways) {
    CAPTURE(what);
    Client client;
    ClientConnection connection(client, context_of(modern), old);
    fail(connection);
    REQUIRE(connection.handler.broken.size() == 1);
    CHECK(connection.handler.broken.front().code == ErrorCode::kUpstreamTls);
    CHECK(std::string(connection.handler.broken.front().what) == what);
    CHECK(connection.handler.broken.front().retry == RetrySafety::kSafe);
  }
}

TEST_CASE("SessionsAreResumedUnderTheSamePolicyAndNoOther") {
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    Client client;
    const TestBackend backend({.shown = authority().issue(), .min_version = version, .max_version = version});
    const ClientContextPtr context = context_of(trusting());
    const auto is_resumed = [&](const ClientContextPtr& with, const std::string& address = "10.0.0.1") {
      ClientConnection connection(client, with, backend, address);
      REQUIRE(connection.shake_hands());
      connection.server.send("x");  // brings the tickets of TLS 1.3 along
      CHECK(connection.handler.text == "x");
      CHECK(connection.handler.broken.empty());
      return connection.server.is_resumed();
    };
    CHECK_FALSE(is_resumed(context));
    CHECK(is_resumed(context));
    CHECK(is_resumed(context));
    CHECK(client.counters.handshakes_resumed.get() == 2);
    CHECK_FALSE(is_resumed(context, "10.0.0.2"));  // another endpoint
    std::vector<BackendTls> others(5, trusting());
    others[0].ca_bundle += TestAuthority("Another").pem();
    others[1].allowed_names = {"backend.example"};
    others[2].server_name = "BACKEND.example";
    others[3].verification = BackendVerification::kNone;
    const Issued shown = authority().issue();
    others[4].client_certificate = shown.chain;
    others[4].client_key = {shown.key};
    for (const BackendTls& other : others) CHECK_FALSE(is_resumed(context_of(other)));
    CHECK(is_resumed(context_of(trusting())));  // the same policy, read anew
  }
}

TEST_CASE("NoSessionOutlivesACertificateThatWasVerified") {
  const std::int64_t now = std::time(nullptr);
  const TestAuthority ending("Ending CA", now + 600);
  BackendTls by_ending = trusting();
  by_ending.ca_bundle = ending.pem();
  struct Row {
    BackendTls policy;
    Issued shown;
  };
  const Row rows[] = {{trusting(), authority().issue({.valid_to = now + 600})},
                      {by_ending, ending.issue({.valid_to = now + 7200})}};
  for (const Row& row : rows) {
    Client client;
    const TestBackend backend({.shown = row.shown});
    const ClientContextPtr context = context_of(row.policy);
    for (const bool is_resumed : {false, true}) {
      ClientConnection connection(client, context, backend);
      REQUIRE(connection.shake_hands());
      connection.server.send("x");
      CHECK(connection.server.is_resumed() == is_resumed);
      REQUIRE(client.sessions->size() == 1);
      const SSL_SESSION* session = client.sessions->find(context->identity() + "10.0.0.1" + '\0' + "443");
      REQUIRE(session != nullptr);
      CHECK(SSL_SESSION_get_timeout(session) <= 600);
    }
  }
}

TEST_CASE("AFailedHandshakeForgetsTheSessionThatItOffered") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  const ClientContextPtr context = context_of(trusting());
  {
    ClientConnection connection(client, context, backend);
    REQUIRE(connection.shake_hands());
    connection.server.send("x");
  }
  REQUIRE(client.sessions->size() == 1);
  ClientConnection connection(client, context, backend);
  connection.peer->end_sending();
  CHECK(client.sessions->size() == 0);
}

TEST_CASE("AnEndWithoutGoodbyeIsACut") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  ClientConnection connection(client, context_of(trusting()), backend);
  REQUIRE(connection.shake_hands());
  connection.server.send("half of it");
  connection.peer->end_sending();
  CHECK(connection.handler.text == "half of it");
  CHECK(connection.handler.num_ends == 0);
  REQUIRE(connection.handler.broken.size() == 1);
  CHECK(std::string(connection.handler.broken.front().what) == "tls_cut");
}

TEST_CASE("AnotherHandlerTakesOverWhenTheHandshakeIsDone") {
  Client client;
  const TestBackend backend({.shown = authority().issue()});
  ClientConnection connection(client, context_of(trusting()), backend);
  REQUIRE(connection.shake_hands());
  ClientRecorder next;
  connection.transport->start(&next);
  connection.server.send("answer");
  CHECK(next.text == "answer");
  CHECK(next.num_ready == 0);
  CHECK(connection.handler.text.empty());
}

}  // namespace
}  // namespace ingress::tls
