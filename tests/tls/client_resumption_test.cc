// Sessions of clients with certificates: under which policy they go on, and until when.
#include <doctest/doctest.h>

#include <functional>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

TEST_CASE("SessionsGoOnUnderTheSamePolicyOnly") {
  const Identity root = Identity::root("root"), other = Identity::root("other");
  const Identity good = root.issue({.alt_names = {{GEN_DNS, "a.example"}}});
  const ClientCertificates first{.authorities = root.pem(),
                                 .crls = root.crl({}),
                                 .allowed_names = {{.value = "a.example"}},
                                 .headers = {.subject = "X-Subject"}};
  struct Row {
    std::string name;
    std::function<void(ClientCertificates&)> change;
    bool is_resumed;
  };
  const Row rows[] = {
      {"same", [](auto&) {}, true},
      {"other headers", [](auto& c) { c.headers.issuer = "X-Issuer"; }, true},
      {"more authorities", [&](auto& c) { c.authorities += other.pem(); }, false},
      {"another CRL", [&](auto& c) { c.crls = root.crl({}, std::time(nullptr) - 30); }, false},
      {"no CRL", [](auto& c) { c.crls.clear(); }, false},
      {"mode", [](auto& c) { c.mode = ClientCertificateMode::kOptional; }, false},
      {"depth", [](auto& c) { c.max_intermediates = 2; }, false},
      {"names", [](auto& c) { c.allowed_names.push_back({.value = "b.example"}); }, false}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Row& row : rows) {
      CAPTURE(version);
      CAPTURE(row.name);
      Server server(asking(first));
      ClientRecipe recipe = client_with(&good, {}, version);
      Connection begun(server, recipe);
      REQUIRE(begun.client.shake_hands());
      begun.write("x");
      CHECK(begun.client.read() == "x");
      REQUIRE(begun.client.session() != nullptr);
      ClientCertificates changed = first;
      row.change(changed);
      server.configure(asking(changed));
      recipe.session = begun.client.session();
      Connection again(server, recipe);
      REQUIRE(again.client.shake_hands());
      CHECK(again.client.is_resumed() == row.is_resumed);
      REQUIRE(again.handler.num_ready == 1);
      const auto fields = again.transport->secure()->client_fields();
      REQUIRE_FALSE(fields.empty());
      CHECK(fields[0] == net::ClientField{"X-Subject", "CN=client"});
    }
  }
}

TEST_CASE("ASessionFromWhenNobodyWasAskedDoesNotStandForACertificate") {
  const Identity root = Identity::root("root");
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    for (const bool was_optional : {false, true}) {
      Server server;
      if (was_optional)
        server.configure(asking({.mode = ClientCertificateMode::kOptional, .authorities = root.pem()}));
      ClientRecipe recipe = client_with(nullptr, {}, version);
      Connection begun(server, recipe);
      REQUIRE(begun.client.shake_hands());
      begun.write("x");
      begun.client.read();
      REQUIRE(begun.client.session() != nullptr);
      server.configure(asking({.authorities = root.pem()}));
      recipe.session = begun.client.session();
      Connection again(server, recipe);
      again.client.shake_hands();
      again.client.read();
      CHECK(again.client.reason() != 0);
      CHECK(again.handler.num_ready == 0);
      CHECK(refusals(server, ClientRefusal::kMissing) == 1);
      CHECK(server.counters.handshakes_resumed.get() == 0);
    }
  }
}

struct Sessions {
  bssl::UniquePtr<SSL_SESSION> server, client;
};

// Both sides of a handshake without a transport.
Sessions sessions_of(const Server& server, const ClientRecipe& recipe) {
  auto peer = FakePeer::make(&server.loop->buffers());
  TestClient client(peer, recipe);
  const bssl::UniquePtr<SSL> ssl(SSL_new(server.context->ssl_context()));
  Handshake handshake(server.context, server.table);
  handshake.attach(*ssl);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_accept_state(ssl.get());
  for (int i = 0; i < 6; ++i) {
    SSL_do_handshake(client.ssl());
    const std::string hello = client.take_output();
    BIO_write(SSL_get_rbio(ssl.get()), hello.data(), static_cast<int>(hello.size()));
    SSL_do_handshake(ssl.get());
    const std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    BIO_mem_contents(SSL_get_wbio(ssl.get()), &bytes, &size);
    BIO_write(SSL_get_rbio(client.ssl()), bytes, static_cast<int>(size));
    BIO_reset(SSL_get_wbio(ssl.get()));
  }
  REQUIRE(SSL_is_init_finished(ssl.get()));
  return {bssl::UniquePtr<SSL_SESSION>(SSL_get1_session(ssl.get())),
          bssl::UniquePtr<SSL_SESSION>(SSL_get1_session(client.ssl()))};
}

bssl::UniquePtr<SSL_SESSION> session_of(const Server& server, const ClientRecipe& recipe) {
  return sessions_of(server, recipe).server;
}

TEST_CASE("ATicketFromBeforeAnAuthorityExpiredCostsAFullHandshake") {
  const std::int64_t now = std::time(nullptr);
  const Identity root = Identity::root("root");
  const Identity old_root = Identity::root("old", {.valid_to = now - 50});
  const Identity good = root.issue();
  Server server(asking({.authorities = root.pem() + old_root.pem()}));
  ClientRecipe recipe = client_with(&good, {}, TLS1_2_VERSION);
  for (const auto& [begun_at, is_resumed] : {std::pair{now - 25, true}, std::pair{now - 75, false}}) {
    CAPTURE(begun_at);
    const Sessions sessions = sessions_of(server, recipe);
    SSL_SESSION_set_time(sessions.server.get(), static_cast<std::uint64_t>(begun_at));
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    REQUIRE(SSL_SESSION_to_bytes(sessions.server.get(), &bytes, &size) == 1);
    const bssl::UniquePtr<std::uint8_t> owned(bytes);
    std::vector<std::uint8_t> ticket(size + TicketKeys::kOverheadBytes);
    ticket.resize(server.tickets->seal({bytes, size}, ticket).value());
    REQUIRE(SSL_SESSION_set_ticket(sessions.client.get(), ticket.data(), ticket.size()) == 1);
    ClientRecipe again = recipe;
    again.session = sessions.client.get();
    Connection connection(server, again);
    REQUIRE(connection.client.shake_hands());
    CHECK(connection.client.is_resumed() == is_resumed);
    CHECK(connection.handler.num_ready == 1);
  }
}

TEST_CASE("ASessionEndsWithWhatItsClientWasLetInBy") {
  const std::int64_t now = std::time(nullptr);
  const Identity root = Identity::root("root", {.valid_to = now + 3000});
  const Identity old_root = Identity::root("old", {.valid_from = now - 100, .valid_to = now - 50});
  const Identity middle =
      root.issue({.common_names = {"middle"}, .use = Use::kAuthority, .valid_to = now + 2000});
  const Identity good = middle.issue({.valid_to = now + 1000});
  const Identity longer = middle.issue({.valid_to = now + 9000});
  const Identity longest = root.issue({.valid_to = now + 9000});
  const std::string crls = root.crl({}) + middle.crl({}, now - 60, now + 2500);
  const auto ends_at = [&](const Identity& identity, std::vector<const Identity*> others, std::int64_t end,
                           const std::string& with_crls) {
    Server server(asking({.authorities = root.pem() + old_root.pem(), .crls = with_crls}));
    const auto session = session_of(server, client_with(&identity, std::move(others)));
    const ClientVerifier& verifier = *server.context->clients();
    CHECK(verifier.may_resume(*session, now + 1));
    CHECK(verifier.may_resume(*session, end - 1));
    CHECK_FALSE(verifier.may_resume(*session, end + 1));
  };
  ends_at(good, {&middle}, now + 1000, "");
  ends_at(longer, {&middle}, now + 2000, "");
  ends_at(longest, {}, now + 3000, "");
  ends_at(longest, {}, now + 2500, crls);
}

TEST_CASE("ASessionWithoutCertificateGoesOnOnlyWhereItIsOptional") {
  const Identity root = Identity::root("root");
  ClientCertificates settings{.mode = ClientCertificateMode::kOptional, .authorities = root.pem()};
  Server server(asking(settings));
  const auto session = session_of(server, client_with(nullptr));
  const std::int64_t now = std::time(nullptr);
  CHECK(server.context->clients()->may_resume(*session, now));
  for (const auto mode : {ClientCertificateMode::kRequire, ClientCertificateMode::kRefuse}) {
    settings.mode = mode;
    const auto strict = ClientVerifier::load(settings, std::chrono::system_clock::now()).verifier;
    CHECK_FALSE(strict->may_resume(*session, now));
  }
}

}  // namespace
}  // namespace ingress::tls
