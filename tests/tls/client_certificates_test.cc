// Which clients are let in by their certificates, in both versions, and what those who are not get to hear.
#include <doctest/doctest.h>

#include <algorithm>
#include <optional>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

const std::int64_t kNow = std::time(nullptr);

struct Authorities {
  Identity root = Identity::root("root");
  Identity middle = root.issue_authority("middle");
  Identity lower = middle.issue_authority("lower");
  Identity stranger = Identity::root("stranger");
};

// Lets the client shake hands and send a request at once, and checks that nothing of it comes through when it
// is refused. Nothing: it was let in.
std::optional<std::string> refusal_of(Server& server, const ClientRecipe& recipe, int* alert = nullptr) {
  Connection connection(server, recipe);
  if (connection.client.shake_hands()) connection.client.send("request");
  connection.client.read();
  if (alert != nullptr) *alert = connection.client.reason();
  if (connection.handler.num_ready == 1) {
    CHECK(connection.handler.text == "request");
    return std::nullopt;
  }
  CHECK(connection.handler.text.empty());
  CHECK(connection.handler.num_ready == 0);
  CHECK(connection.transport->secure() == nullptr);
  CHECK(connection.handler.broken.empty());   // the client has a while to read the alert
  CHECK(server.limits.num_under_way() == 0);  // and takes nobody's place meanwhile
  connection.peer->end_sending();
  REQUIRE(connection.handler.broken.size() == 1);
  CHECK(connection.peer->has_write_ended());
  return connection.handler.broken[0];
}

// Once, under `why`; null: not at all.
void check_counted(const Server& server, const char* why) {
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < kNumClientRefusals; ++i) {
    const auto refusal = static_cast<ClientRefusal>(i);
    if (why != nullptr && to_string(refusal) == why) CHECK(refusals(server, refusal) == 1);
    counted += refusals(server, refusal);
  }
  CHECK(counted == (why == nullptr ? 0 : 1));
}

TEST_CASE("OnlyClientsWhoseCertificateVerifiesAreLetIn") {
  const Authorities all;
  const Identity good = all.root.issue();
  const Identity any_use = all.root.issue({.use = Use::kAny});
  const Identity deep = all.middle.issue();
  const Identity deeper = all.lower.issue();
  const Identity server_only = all.root.issue({.use = Use::kServer});
  const Identity expired = all.root.issue({.valid_from = kNow - 7200, .valid_to = kNow - 3600});
  const Identity early = all.root.issue({.valid_from = kNow + 3600, .valid_to = kNow + 7200});
  const Identity foreign = all.stranger.issue();
  const Identity self_made = Identity::root("client");
  const Identity false_root = Identity::root("root");  // the same name with another key
  const Identity forged = false_root.issue();
  const Identity through_client = good.issue({.common_names = {"other"}});  // by who is no authority
  struct Row {
    std::string name;
    ClientRecipe client;
    const char* why;  // null: let in
    int alert;
  };
  const auto expired_alert = SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED;
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto with = [&](const Identity* identity, std::vector<const Identity*> others = {}) {
      return client_with(identity, std::move(others), version);
    };
    const int missing_alert =
        version == TLS1_3_VERSION ? SSL_R_TLSV1_CERTIFICATE_REQUIRED : SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE;
    const Row rows[] = {
        {"good", with(&good), nullptr, 0},
        {"any use", with(&any_use), nullptr, 0},
        {"deep", with(&deep, {&all.middle}), nullptr, 0},
        {"deep, root sent too", with(&deep, {&all.middle, &all.root}), nullptr, 0},
        {"two between, any order", with(&deeper, {&all.middle, &all.lower}), "untrusted",
         SSL_R_TLSV1_ALERT_UNKNOWN_CA},
        {"issuer not sent", with(&deep), "untrusted", SSL_R_TLSV1_ALERT_UNKNOWN_CA},
        {"none", with(nullptr), "missing", missing_alert},
        {"server's", with(&server_only), "wrong_purpose", SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE},
        {"expired", with(&expired), "not_valid_now", expired_alert},
        {"early", with(&early), "not_valid_now", expired_alert},
        {"foreign", with(&foreign, {&all.stranger}), "untrusted", SSL_R_TLSV1_ALERT_UNKNOWN_CA},
        {"self-made", with(&self_made), "untrusted", SSL_R_TLSV1_ALERT_UNKNOWN_CA},
        {"forged", with(&forged, {&false_root}), "invalid", SSL_R_TLSV1_ALERT_DECRYPT_ERROR},
        {"issued by a client", with(&through_client, {&good}), "invalid", SSL_R_TLSV1_ALERT_UNKNOWN_CA}};
    for (const Row& row : rows) {
      CAPTURE(version);
      CAPTURE(row.name);
      Server server(asking({.authorities = all.root.pem(), .max_intermediates = 1}));
      int alert = 0;
      const auto why = refusal_of(server, row.client, &alert);
      CHECK(why.value_or("") == (row.why == nullptr ? "" : "tls_client_certificate_" + std::string(row.why)));
      CHECK(alert == row.alert);
      CHECK(server.counters.handshakes.get() == (row.why == nullptr ? 1 : 0));
      CHECK(server.counters.handshakes_failed.get() == (row.why == nullptr ? 0 : 1));
      check_counted(server, row.why);
    }
  }
}

TEST_CASE("OptionalMeansThatWhatIsSentVerifies") {
  const Authorities all;
  const Identity good = all.root.issue(), foreign = all.stranger.issue();
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Server server(asking({.mode = ClientCertificateMode::kOptional, .authorities = all.root.pem()}));
    CHECK_FALSE(refusal_of(server, client_with(nullptr, {}, version)));
    CHECK_FALSE(refusal_of(server, client_with(&good, {}, version)));
    CHECK(refusal_of(server, client_with(&foreign, {}, version)) == "tls_client_certificate_untrusted");
  }
}

TEST_CASE("RefuseLetsNobodyIn") {
  const Authorities all;
  const Identity good = all.root.issue();
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    Server server(asking({.mode = ClientCertificateMode::kRefuse}));
    CHECK(refusal_of(server, client_with(nullptr, {}, version)) == "tls_client_certificate_nobody");
    CHECK(refusal_of(server, client_with(&good, {}, version)) == "tls_client_certificate_nobody");
    CHECK(refusals(server, ClientRefusal::kNobody) == 2);
  }
}

TEST_CASE("EachAuthorityIsTrustedAsItStands") {
  const Authorities all;
  const Identity of_middle = all.middle.issue(), of_root = all.root.issue();
  Server server(asking({.authorities = all.middle.pem(), .max_intermediates = 0}));
  CHECK_FALSE(refusal_of(server, client_with(&of_middle)));
  CHECK(refusal_of(server, client_with(&of_root)) == "tls_client_certificate_untrusted");
}

TEST_CASE("CrlsAreAskedAboutEveryCertificateBelowAnAuthority") {
  const Authorities all;
  const Identity good = all.middle.issue(), bad = all.middle.issue();
  const std::string of_root = all.root.crl({}), of_middle = all.middle.crl({&bad});
  const auto why = [&](const Identity& identity, const std::string& authorities, const std::string& crls) {
    Server server(asking({.authorities = authorities, .crls = crls}));
    return refusal_of(server, client_with(&identity, {&all.middle})).value_or("");
  };
  const std::string root = all.root.pem(), middle = all.middle.pem();
  CHECK(why(good, root, of_root + of_middle) == "");
  CHECK(why(bad, root, of_root + of_middle) == "tls_client_certificate_revoked");
  CHECK(why(good, root, all.root.crl({&all.middle}) + of_middle) == "tls_client_certificate_revoked");
  CHECK(why(good, root, of_root) == "tls_client_certificate_no_crl");
  CHECK(why(good, root, of_middle) == "tls_client_certificate_no_crl");
  CHECK(why(good, root, of_root + all.middle.crl({}, kNow - 200, kNow - 100)) ==
        "tls_client_certificate_no_crl");
  // An authority needs no CRL that speaks for it, but one that speaks against it counts.
  CHECK(why(good, middle, of_middle) == "");
  CHECK(why(bad, middle, of_middle) == "tls_client_certificate_revoked");
  CHECK(why(good, root + middle, all.root.crl({&all.middle}) + of_middle) ==
        "tls_client_certificate_revoked");
  // One that another signed is none.
  const Identity false_middle = Identity::root("middle");
  CHECK(why(good, root, of_root + false_middle.crl({})) == "tls_client_certificate_invalid");
}

TEST_CASE("OneNameHasToBeAllowed") {
  const Authorities all;
  using enum ClientNameType;
  const auto exact = [](ClientNameType type, std::string value) {
    return ClientNameMatch{.type = type, .value = std::move(value)};
  };
  const auto pattern = [](ClientNameType type, std::string value) {
    return ClientNameMatch{type, std::move(value), ValueMatchType::kRegularExpression};
  };
  const Identity one = all.root.issue({.common_names = {"Shop 1"},
                                       .alt_names = {{GEN_DNS, "A.example"},
                                                     {GEN_URI, "spiffe://a/shop"},
                                                     {GEN_EMAIL, "shop@a.example"},
                                                     {GEN_IPADD, std::string("\x0a\0\0\x01", 4)}}});
  const Identity two_names = all.root.issue({.common_names = {"Shop 1", "Shop 2"}});
  const Identity with_nul =
      all.root.issue({.common_names = {"x"}, .alt_names = {{GEN_DNS, std::string("b\0c", 3)}}});
  struct Row {
    const Identity* identity;
    std::vector<ClientNameMatch> allowed;
    bool is_allowed;
  };
  const Row rows[] = {{&one, {exact(kDns, "a.EXAMPLE")}, true},
                      {&one, {exact(kDns, "a.exampl")}, false},
                      {&one, {exact(kDns, "*.example")}, false},
                      {&one, {pattern(kDns, "[a-z]\\.example")}, true},
                      {&one, {pattern(kDns, "exam")}, false},
                      {&one, {exact(kUri, "spiffe://a/shop")}, true},
                      {&one, {exact(kUri, "spiffe://a/SHOP")}, false},
                      {&one, {exact(kDns, "spiffe://a/shop")}, false},
                      {&one, {pattern(kUri, "spiffe://a/.*")}, true},
                      {&one, {exact(kEmail, "shop@a.example")}, true},
                      {&one, {exact(kIp, "10.0.0.1")}, true},
                      {&one, {exact(kIp, "::ffff:10.0.0.1")}, true},
                      {&one, {exact(kIp, "10.0.0.2")}, false},
                      {&one, {pattern(kIp, "10\\.0\\.0\\.[12]")}, true},
                      {&one, {exact(kCommonName, "Shop 1")}, true},
                      {&one, {exact(kCommonName, "shop 1")}, false},
                      {&one, {exact(kCommonName, "A.example")}, false},
                      {&one, {exact(kDns, "b"), exact(kCommonName, "Shop 1")}, true},
                      {&two_names, {pattern(kCommonName, "Shop .")}, false},
                      {&with_nul, {exact(kDns, "b")}, false}};
  for (const Row& row : rows) {
    CAPTURE(row.allowed[0].value);
    Server server(asking({.authorities = all.root.pem(), .allowed_names = row.allowed}));
    int alert = 0;
    const auto why = refusal_of(server, client_with(row.identity), &alert);
    CHECK(why.value_or("") == (row.is_allowed ? "" : "tls_client_certificate_not_allowed"));
    CHECK(alert == (row.is_allowed ? 0 : SSL_R_TLSV1_ALERT_ACCESS_DENIED));
  }
}

TEST_CASE("ClientsAreToldTheNamesOfTheAuthorities") {
  const Authorities all;
  const Identity good = all.root.issue();
  Server server(asking({.authorities = all.root.pem() + all.stranger.pem()}));
  Connection connection(server, client_with(&good));
  std::vector<std::string> told;
  SSL_set_cert_cb(
      connection.client.ssl(),
      [](SSL* ssl, void* out) {
        for (const CRYPTO_BUFFER* name : SSL_get0_server_requested_CAs(ssl))
          static_cast<std::vector<std::string>*>(out)->emplace_back(
              reinterpret_cast<const char*>(CRYPTO_BUFFER_data(name)), CRYPTO_BUFFER_len(name));
        return 1;
      },
      &told);
  REQUIRE(connection.client.shake_hands());
  REQUIRE(told.size() == 2);
  CHECK(std::ranges::any_of(told, [](const std::string& name) { return name.ends_with("root"); }));
  CHECK(std::ranges::any_of(told, [](const std::string& name) { return name.ends_with("stranger"); }));
}

TEST_CASE("TooMuchOfACertificateIsRefused") {
  const Authorities all;
  const Identity good = all.root.issue();
  Server server(asking({.authorities = all.root.pem()}));
  const std::vector<const Identity*> many(20, &all.stranger);
  CHECK(refusal_of(server, client_with(&good, many)) == "tls_client_certificate_invalid");
  const Identity large = all.root.issue({.alt_names = {{GEN_URI, std::string(40'000, 'a')}}});
  Connection connection(server, client_with(&large));
  connection.client.shake_hands();
  connection.client.read();
  CHECK(connection.client.reason() != 0);
  CHECK(connection.handler.num_ready == 0);
  CHECK(server.counters.handshakes_failed.get() == 2);
}

TEST_CASE("ARefusedClientThatGoesOnSendingIsNotRead") {
  const Authorities all;
  const Identity foreign = all.stranger.issue();
  Server server(asking({.authorities = all.root.pem()}));
  Connection connection(server, client_with(&foreign));
  connection.client.shake_hands();
  const std::size_t before = server.loop->buffers().live_bytes();
  for (int i = 0; i < 100; ++i) connection.client.send(some_text(10'000));
  CHECK(server.loop->buffers().live_bytes() <= before);
  CHECK(connection.handler.text.empty());
  connection.transport->close();
  CHECK(connection.handler.broken.empty());
  CHECK(server.counters.handshakes_failed.get() == 1);
}

}  // namespace
}  // namespace ingress::tls
