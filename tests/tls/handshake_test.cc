// What a handshake decides: certificate, version, algorithms, and whether a session goes on.
#include "tls/handshake.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tls/tls_fixture.h"

namespace ingress::tls {
namespace {

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
  CHECK(named.transport->secure()->may_serve("a.example", ""));
  CHECK(named.transport->secure()->may_serve("x.w.example", ""));
  CHECK(named.transport->secure()->may_serve("a.example.", ""));
  CHECK_FALSE(named.transport->secure()->may_serve("d.example", ""));
  CHECK_FALSE(named.transport->secure()->may_serve("", ""));
  Connection by_default(server, {.server_name = "unknown.example"});
  REQUIRE(by_default.client.shake_hands());
  CHECK(by_default.transport->secure()->may_serve("anything.example", ""));
  Connection nameless(server, {.server_name = ""});
  REQUIRE(nameless.client.shake_hands());
  CHECK(nameless.transport->secure()->may_serve("anything.example", ""));
}

TEST_CASE("ACertificateThatDoesNotProveItsServerNameServesThatHost") {
  Server server({}, {make_certificate({.dns_names = {"x.example"}, .server_names = {"a.example"}})});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("a.example", ""));
  CHECK_FALSE(connection.transport->secure()->may_serve("b.example", ""));
}

TEST_CASE("OfSeveralCertificatesOfferedAllHaveToProveAnotherHost") {
  Server server({}, {make_certificate({.name = "one", .dns_names = {"a.example", "b.example"}}),
                     make_certificate({.name = "two", .key = TestKey::kRsa2048})});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("a.example", ""));
  CHECK_FALSE(connection.transport->secure()->may_serve("b.example", ""));
}

TEST_CASE("TheDefaultCertificateIsTheDefaultAlsoWhereItIsNamed") {
  Server server({.default_certificate = "test"}, {make_certificate()});
  Connection connection(server);
  REQUIRE(connection.client.shake_hands());
  CHECK(connection.transport->secure()->may_serve("other.example", ""));
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

TEST_CASE("SpeaksWhatIsOursOfWhatTheClientOffersOrNothing") {
  const auto spoken = [](Http2Mode http2, std::string_view offered) {
    Server server;
    server.context = std::move(*ServerContext::create({}, http2, "web", std::make_shared<TicketKeys>()));
    Connection connection(server, {.alpn = std::string(offered)});
    if (connection.client.shake_hands()) return connection.client.alpn();
    CHECK(connection.client.reason() == SSL_R_TLSV1_ALERT_NO_APPLICATION_PROTOCOL);
    return std::string("(alert)");
  };
  constexpr std::string_view kHttp1("\x08http/1.1", 9), kHttp2("\x02h2", 3);
  constexpr std::string_view kBoth("\x08http/1.1\x02h2", 12);
  CHECK(spoken(Http2Mode::kOn, kBoth) == "h2");
  CHECK(spoken(Http2Mode::kOn, kHttp1) == "http/1.1");
  CHECK(spoken(Http2Mode::kOn, kHttp2) == "h2");
  CHECK(spoken(Http2Mode::kOff, kBoth) == "http/1.1");
  CHECK(spoken(Http2Mode::kOff, kHttp2) == "(alert)");
  CHECK(spoken(Http2Mode::kOn, std::string_view("\x08http/1.0", 9)) == "(alert)");
  CHECK(spoken(Http2Mode::kOn, "").empty());
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
      CHECK_FALSE(second.transport->secure()->may_serve("b.example", ""));
    }
    // The same name with another chain is another certificate.
    server.replace(make_certificate());
    Connection renewed(server, again);
    REQUIRE(renewed.client.shake_hands());
    CHECK_FALSE(renewed.client.is_resumed());
    again.server_name = "b.example";
    Connection other(server, again);
    REQUIRE(other.client.shake_hands());
    CHECK_FALSE(other.client.is_resumed());
    CHECK(other.client.subject() == "b");
  }
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

}  // namespace
}  // namespace ingress::tls
