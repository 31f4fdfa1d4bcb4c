// Which sessions go on under which policy, and which hosts a connection under one may serve.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

const std::vector<std::string> kNames = {"a.example", "b.example", "c.example"};

Certificate for_all() {
  return make_certificate({.dns_names = kNames, .server_names = kNames});
}

// A session of a client of `server_name`, which it has to get.
bssl::UniquePtr<SSL_SESSION> begin(Server& server, ClientRecipe recipe, const std::string& server_name) {
  recipe.server_name = server_name;
  Connection connection(server, recipe);
  REQUIRE(connection.client.shake_hands());
  connection.write("x");
  CHECK(connection.client.read() == "x");
  REQUIRE(connection.client.session() != nullptr);
  return bssl::UpRef(connection.client.session());
}

enum class Outcome { kResumed, kFull, kRefused };

Outcome go_on(Server& server, ClientRecipe recipe, const std::string& server_name, SSL_SESSION* session) {
  recipe.server_name = server_name;
  recipe.session = session;
  Connection connection(server, recipe);
  if (connection.client.shake_hands()) connection.client.send("request");
  connection.client.read();
  if (connection.handler.text != "request") return Outcome::kRefused;
  return connection.client.is_resumed() ? Outcome::kResumed : Outcome::kFull;
}

TEST_CASE("ASessionDoesNotGoOnUnderAnotherPolicy") {
  const Identity root = Identity::root("root"), other = Identity::root("other");
  const Identity good = root.issue();
  const ClientCertificates asked{.authorities = root.pem()};
  const ClientCertificates optional{.mode = ClientCertificateMode::kOptional, .authorities = root.pem()};
  const ClientCertificates of_other{.authorities = other.pem()};
  struct Row {
    const char* name;
    std::vector<TlsPolicy> policies;
    bool has_certificate;
    Outcome outcome;  // of a session that began for a.example, at b.example
  };
  const std::vector<std::string> a = {"a.example"}, b = {"b.example"};
  using P = TlsPolicy;
  const Row rows[] = {
      {"no policies", {}, false, Outcome::kResumed},
      {"the same policy",
       {P{"p", {"a.example", "b.example"}, {}, {}, {}, {}, {}, asked}},
       true,
       Outcome::kResumed},
      {"two that say the same",
       {P{"p", a, {}, {}, {}, {}, {}, asked}, P{"q", b, {}, {}, {}, {}, {}, asked}},
       true,
       Outcome::kResumed},
      {"none asked, then required", {P{"q", b, {}, {}, {}, {}, {}, asked}}, false, Outcome::kRefused},
      {"none asked, then required, and there is one",
       {P{"q", b, {}, {}, {}, {}, {}, asked}},
       true,
       Outcome::kFull},
      {"optional, then required",
       {P{"p", a, {}, {}, {}, {}, {}, optional}, P{"q", b, {}, {}, {}, {}, {}, asked}},
       false,
       Outcome::kRefused},
      {"required, then of another authority",
       {P{"p", a, {}, {}, {}, {}, {}, asked}, P{"q", b, {}, {}, {}, {}, {}, of_other}},
       true,
       Outcome::kRefused},
      {"required, then none asked", {P{"p", a, {}, {}, {}, {}, {}, asked}}, true, Outcome::kFull},
      {"other groups", {P{"q", b, {}, {}, {}, {}, {TlsGroup::kP384}, {}}}, false, Outcome::kFull},
      {"refuse",
       {P{"q", b, {}, {}, {}, {}, {}, ClientCertificates{.mode = ClientCertificateMode::kRefuse}}},
       false,
       Outcome::kRefused}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Row& row : rows) {
      CAPTURE(version);
      CAPTURE(row.name);
      // With RSA: the group of an ECDSA certificate would have to be among those of TLS 1.2.
      Server server(
          {}, {make_certificate({.dns_names = kNames, .server_names = kNames, .key = TestKey::kRsa2048})});
      server.set_policies(row.policies);
      const ClientRecipe recipe = client_with(row.has_certificate ? &good : nullptr, {}, version);
      const auto session = begin(server, recipe, "a.example");
      CHECK(go_on(server, recipe, "a.example", session.get()) == Outcome::kResumed);
      CHECK(go_on(server, recipe, "b.example", session.get()) == row.outcome);
    }
  }
}

TEST_CASE("ASessionDoesNotGoOnWhenItsPolicyChanges") {
  const Identity root = Identity::root("root"), more = Identity::root("more");
  const Identity good = root.issue();
  const TlsPolicy first{.name = "p",
                        .server_names = {"a.example"},
                        .client_certificates = ClientCertificates{.authorities = root.pem()}};
  struct Row {
    const char* name;
    std::function<void(std::vector<TlsPolicy>&)> change;
    Outcome outcome;
  };
  const Row rows[] = {
      {"nothing", [](auto&) {}, Outcome::kResumed},
      {"its name", [](auto& p) { p[0].name = "q"; }, Outcome::kResumed},
      {"more server names", [](auto& p) { p[0].server_names.push_back("c.example"); }, Outcome::kResumed},
      {"authorities", [&](auto& p) { p[0].client_certificates->authorities += more.pem(); }, Outcome::kFull},
      {"a CRL", [&](auto& p) { p[0].client_certificates->crls = root.crl({}); }, Outcome::kFull},
      {"revoked", [&](auto& p) { p[0].client_certificates->crls = root.crl({&good}); }, Outcome::kRefused},
      {"it is gone", [](auto& p) { p.clear(); }, Outcome::kFull}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const Row& row : rows) {
      CAPTURE(version);
      CAPTURE(row.name);
      Server server({}, {for_all()});
      std::vector<TlsPolicy> policies = {first};
      server.set_policies(policies);
      const ClientRecipe recipe = client_with(&good, {}, version);
      const auto session = begin(server, recipe, "a.example");
      row.change(policies);
      server.set_policies(policies);
      CHECK(go_on(server, recipe, "a.example", session.get()) == row.outcome);
    }
  }
}

TEST_CASE("AResumedCertificateThatNobodyVerifiedIsJudgedAnew") {
  const Identity root = Identity::root("root"), stranger = Identity::root("stranger");
  const Identity good = root.issue(), foreign = stranger.issue();
  const TlsPolicy policy{
      .name = "p",
      .server_names = {"a.example"},
      .client_certificates = ClientCertificates{.mode = ClientCertificateMode::kOptionalUnverified,
                                                .authorities = root.pem(),
                                                .headers = {.verified = "V", .subject = "S"}}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const auto& [identity, verified] :
         {std::pair{&good, "SUCCESS"}, std::pair{&foreign, "FAILED:untrusted"}}) {
      CAPTURE(version);
      CAPTURE(verified);
      Server server({}, {for_all()});
      server.set_policies({policy});
      ClientRecipe recipe = client_with(identity, {}, version);
      const auto session = begin(server, recipe, "a.example");
      recipe.session = session.get();
      Connection again(server, recipe);
      REQUIRE(again.client.shake_hands());
      CHECK(again.client.is_resumed());
      const auto fields = again.transport->secure()->client_fields();
      REQUIRE(fields.size() == 2);
      CHECK(fields[0] == net::ClientField{"V", verified});
      CHECK(fields[1] == net::ClientField{"S", "CN=client"});
    }
  }
}

TEST_CASE("AConnectionServesItsServerNameAndHostsOfItsPolicy") {
  Server server({.default_certificate = "default"},
                {for_all(), make_certificate({.name = "default", .dns_names = {}, .server_names = {}})});
  server.set_policies({{.name = "p", .server_names = {"a.example"}, .min_version = TlsVersion::kTls13}});
  const std::string policy(server.policies->find_named("p")->digest());
  const auto check = [&](const std::string& server_name, const std::string& host, const std::string& of_host,
                         bool is_served) {
    CAPTURE(server_name);
    CAPTURE(host);
    Connection connection(server, {.server_name = server_name});
    REQUIRE(connection.client.shake_hands());
    CHECK(connection.transport->secure()->may_serve(host, of_host) == is_served);
  };
  check("a.example", "a.example", policy, true);
  check("a.example", "a.example.", policy, true);
  check("a.example", "b.example", "", false);
  check("a.example", "b.example", policy, true);
  check("a.example", "b.example", std::string(32, 'x'), false);
  check("a.example", "z.example", policy, false);  // nor does the certificate prove it
  check("b.example", "a.example", policy, false);
  check("b.example", "a.example.", policy, false);
  check("b.example", "c.example", "", true);
  check("", "a.example", policy, false);
  check("", "b.example", "", true);
  check("unknown.example", "a.example", policy, false);
  check("unknown.example", "b.example", "", true);
  // What changes later does not end what began before.
  Connection stays(server, {.server_name = "a.example"});
  REQUIRE(stays.client.shake_hands());
  server.set_policies({});
  CHECK(stays.transport->secure()->may_serve("a.example", ""));
  CHECK_FALSE(stays.transport->secure()->may_serve("b.example", ""));
}

}  // namespace
}  // namespace ingress::tls
