// What handshakes under policies of server names agree on: versions, ciphers, groups, client certificates.
#include "tls/host_policy.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

// a.example has no policy, p.example the one that is given, with one certificate for both.
struct HostsServer : Server {
  HostsServer(TlsPolicy policy, ListenerTls settings = {}, TestKey key = TestKey::kRsa2048)
      : Server(std::move(settings), {make_certificate({.dns_names = {"a.example", "p.example"},
                                                       .server_names = {"a.example", "p.example"},
                                                       .key = key})}) {
    policy.name = "p";
    policy.server_names = {"p.example"};
    set_policies({policy});
  }
};

// Version, cipher and group that a client of `server_name` gets; "" when there is no handshake.
struct Agreed {
  int version = 0;  // 0: no handshake
  std::string cipher = {};
  std::uint16_t group = 0;
  friend bool operator==(const Agreed&, const Agreed&) = default;
};
Agreed agreed(Server& server, const std::string& server_name, ClientRecipe recipe = {}) {
  recipe.server_name = server_name;
  Connection connection(server, recipe);
  if (!connection.client.shake_hands()) return {};
  SSL* ssl = connection.client.ssl();
  return {SSL_version(ssl), SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)), SSL_get_group_id(ssl)};
}

ClientRecipe with_groups(std::vector<std::uint16_t> groups, std::vector<std::uint16_t> shares) {
  return {.min_version = TLS1_3_VERSION, .prepare = [=](SSL* ssl) {
            REQUIRE(SSL_set1_group_ids(ssl, groups.data(), groups.size()) == 1);
            REQUIRE(SSL_set1_client_key_shares(ssl, shares.data(), shares.size()) == 1);
          }};
}

const ClientRecipe kOnly12{.max_version = TLS1_2_VERSION};
const ClientRecipe kOnly13{.min_version = TLS1_3_VERSION};

TEST_CASE("VersionsOfAPolicyHoldForItsServerNamesAlone") {
  HostsServer newer({.min_version = TlsVersion::kTls13});
  CHECK(agreed(newer, "p.example", kOnly12) == Agreed{});
  CHECK(agreed(newer, "p.example").version == TLS1_3_VERSION);
  CHECK(agreed(newer, "P.Example", kOnly12) == Agreed{});
  CHECK(agreed(newer, "a.example", kOnly12).version == TLS1_2_VERSION);
  HostsServer older({.max_version = TlsVersion::kTls12});
  CHECK(agreed(older, "p.example").version == TLS1_2_VERSION);
  CHECK(agreed(older, "p.example", kOnly13) == Agreed{});
  CHECK(agreed(older, "a.example").version == TLS1_3_VERSION);
}

TEST_CASE("APolicyMayAllowWhatItsListenerDoesNot") {
  HostsServer server({.min_version = TlsVersion::kTls12}, {.preset = TlsPreset::kModern});
  CHECK(agreed(server, "a.example", kOnly12) == Agreed{});
  CHECK(agreed(server, "p.example", kOnly12).version == TLS1_2_VERSION);
}

TEST_CASE("APolicyThatLeavesNoVersionLetsNobodyIn") {
  HostsServer server({.max_version = TlsVersion::kTls12}, {.preset = TlsPreset::kModern});
  for (const ClientRecipe& recipe : {ClientRecipe{}, kOnly12, kOnly13}) {
    CHECK(agreed(server, "p.example", recipe) == Agreed{});
  }
  CHECK(agreed(server, "a.example").version == TLS1_3_VERSION);
}

TEST_CASE("APresetTakesThePlaceOfAllThatTheListenerSays") {
  const ListenerTls listener{.max_version = TlsVersion::kTls12,
                             .tls12_ciphers = {Tls12Cipher::kEcdheRsaAes256Gcm},
                             .groups = {TlsGroup::kP384}};
  HostsServer server({.preset = TlsPreset::kIntermediate}, listener);
  CHECK(agreed(server, "a.example", kOnly13) == Agreed{});
  CHECK(agreed(server, "a.example") ==
        Agreed{TLS1_2_VERSION, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", SSL_GROUP_SECP384R1});
  CHECK(agreed(server, "p.example").version == TLS1_3_VERSION);
  const Agreed old = agreed(server, "p.example", kOnly12);
  CHECK(old.cipher != "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
  CHECK(old.group == SSL_GROUP_X25519);
  HostsServer modern({.preset = TlsPreset::kModern}, listener);
  CHECK(agreed(modern, "p.example", kOnly12) == Agreed{});
  CHECK(agreed(modern, "p.example").version == TLS1_3_VERSION);
}

TEST_CASE("CiphersOfAPolicyAreTakenInItsOrder") {
  HostsServer server(
      {.tls12_ciphers = {Tls12Cipher::kEcdheRsaChaCha20Poly1305, Tls12Cipher::kEcdheRsaAes256Gcm}},
      {.tls12_ciphers = {Tls12Cipher::kEcdheRsaAes128Gcm}});
  CHECK(agreed(server, "p.example", kOnly12).cipher == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
  CHECK(agreed(server, "a.example", kOnly12).cipher == "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  ClientRecipe aes128 = kOnly12;
  aes128.prepare = [](SSL* ssl) { SSL_set_strict_cipher_list(ssl, "ECDHE-RSA-AES128-GCM-SHA256"); };
  CHECK(agreed(server, "p.example", aes128) == Agreed{});
}

TEST_CASE("GroupsOfAPolicyAreTakenInItsOrderAndTheHybridOneByItsShare") {
  constexpr std::uint16_t kHybrid = SSL_GROUP_X25519_MLKEM768, kX25519 = SSL_GROUP_X25519,
                          kP256 = SSL_GROUP_SECP256R1, kP384 = SSL_GROUP_SECP384R1;
  HostsServer server({.groups = {TlsGroup::kP384, TlsGroup::kP256}});
  const ClientRecipe any = with_groups({kX25519, kP256, kP384}, {kX25519});
  CHECK(agreed(server, "p.example", any).group == kP384);
  CHECK(agreed(server, "a.example", any).group == kX25519);
  CHECK(agreed(server, "p.example", with_groups({kX25519}, {kX25519})) == Agreed{});
  // No hybrid one in the policy, though the listener has it; then the other way round.
  CHECK(agreed(server, "p.example", with_groups({kHybrid, kP256}, {kHybrid})).group == kP256);
  HostsServer hybrid({.groups = {TlsGroup::kX25519MlKem768, TlsGroup::kP256}}, {.groups = {TlsGroup::kP384}});
  CHECK(agreed(hybrid, "p.example", with_groups({kP256, kHybrid}, {kP256, kHybrid})).group == kHybrid);
  CHECK(agreed(hybrid, "p.example", with_groups({kHybrid, kP256}, {kP256})).group == kP256);
  CHECK(agreed(hybrid, "a.example", with_groups({kHybrid, kP384}, {kHybrid})).group == kP384);
}

// Whether a client is let in, and what its connection tells; "refused" when not.
std::string outcome(Server& server, const std::string& server_name, ClientRecipe recipe) {
  recipe.server_name = server_name;
  Connection connection(server, recipe);
  if (connection.client.shake_hands()) connection.client.send("request");
  connection.client.read();
  if (connection.handler.text != "request") return "refused";
  std::string told;
  for (const net::ClientField& field : connection.transport->secure()->client_fields())
    told += (told.empty() ? "" : ", ") + field.name + ": " + field.value;
  return told;
}

TEST_CASE("ClientCertificatesOfAPolicyAreAskedOfItsServerNamesAlone") {
  const Identity root = Identity::root("root"), stranger = Identity::root("stranger");
  const Identity good = root.issue(), foreign = stranger.issue();
  const ClientCertificates policy{.authorities = root.pem(), .headers = {.subject = "P-Subject"}};
  const ClientCertificates listener{.authorities = stranger.pem(), .headers = {.subject = "L-Subject"}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    HostsServer only_policy({.client_certificates = policy});
    const ClientRecipe none = client_with(nullptr, {}, version), with_good = client_with(&good, {}, version),
                       with_foreign = client_with(&foreign, {}, version);
    CHECK(outcome(only_policy, "a.example", none) == "");
    CHECK(outcome(only_policy, "a.example", with_good) == "");
    CHECK(outcome(only_policy, "p.example", none) == "refused");
    CHECK(outcome(only_policy, "p.example", with_good) == "P-Subject: CN=client");
    CHECK(outcome(only_policy, "p.example", with_foreign) == "refused");
    CHECK(refusals(only_policy, ClientRefusal::kMissing) == 1);
    CHECK(refusals(only_policy, ClientRefusal::kUntrusted) == 1);
    HostsServer both({.client_certificates = policy}, asking(listener));
    CHECK(outcome(both, "a.example", with_foreign) == "L-Subject: CN=client");
    CHECK(outcome(both, "a.example", with_good) == "refused");
    CHECK(outcome(both, "p.example", with_good) == "P-Subject: CN=client");
    CHECK(outcome(both, "p.example", with_foreign) == "refused");
    HostsServer says_nothing({.max_version = TlsVersion::kTls13}, asking(listener));
    CHECK(outcome(says_nothing, "p.example", with_foreign) == "L-Subject: CN=client");
    CHECK(outcome(says_nothing, "p.example", none) == "refused");
    HostsServer refusing({.client_certificates = ClientCertificates{.mode = ClientCertificateMode::kRefuse}});
    CHECK(outcome(refusing, "p.example", with_good) == "refused");
    CHECK(outcome(refusing, "a.example", none) == "");
    HostsServer off({.client_certificates = ClientCertificates{.mode = ClientCertificateMode::kOff}},
                    asking(listener));
    CHECK(outcome(off, "p.example", none) == "");
    CHECK(outcome(off, "p.example", with_good) == "");
    CHECK(outcome(off, "a.example", none) == "refused");
  }
}

TEST_CASE("ClientsAreToldTheAuthoritiesOfTheirPolicy") {
  const Identity root = Identity::root("root"), listeners = Identity::root("listeners");
  HostsServer server({.client_certificates = ClientCertificates{.authorities = root.pem()}},
                     asking({.authorities = listeners.pem()}));
  std::vector<std::string> told;
  ClientRecipe recipe{.server_name = "p.example"};
  Connection connection(server, recipe);
  SSL_set_cert_cb(
      connection.client.ssl(),
      [](SSL* ssl, void* out) {
        for (const CRYPTO_BUFFER* name : SSL_get0_server_requested_CAs(ssl))
          static_cast<std::vector<std::string>*>(out)->emplace_back(
              reinterpret_cast<const char*>(CRYPTO_BUFFER_data(name)), CRYPTO_BUFFER_len(name));
        return 1;
      },
      &told);
  connection.client.shake_hands();
  REQUIRE(told.size() == 1);
  CHECK(told[0].ends_with("root"));
}

TEST_CASE("UnverifiedClientsComeInAndBackendsAreToldWhatTheyAreWorth") {
  const std::int64_t now = std::time(nullptr);
  const Identity root = Identity::root("root"), stranger = Identity::root("stranger");
  const Identity good = root.issue({.alt_names = {{GEN_DNS, "shop"}}}), other = root.issue();
  const Identity foreign = stranger.issue();
  const Identity expired = root.issue({.valid_from = now - 7200, .valid_to = now - 3600});
  const ClientCertificates settings{.mode = ClientCertificateMode::kOptionalUnverified,
                                    .authorities = root.pem(),
                                    .allowed_names = {{.value = "shop"}},
                                    .headers = {.verified = "V", .subject = "S"}};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    HostsServer server({.client_certificates = settings});
    const auto said = [&](const Identity* identity) {
      return outcome(server, "p.example", client_with(identity, {}, version));
    };
    CHECK(said(nullptr) == "V: NONE");
    CHECK(said(&good) == "V: SUCCESS, S: CN=client");
    CHECK(said(&other) == "V: FAILED:not_allowed, S: CN=client");
    CHECK(said(&foreign) == "V: FAILED:untrusted, S: CN=client");
    CHECK(said(&expired) == "V: FAILED:not_valid_now, S: CN=client");
    CHECK(server.counters.handshakes_failed.get() == 0);
    // Whose key it has not got it cannot show.
    ClientRecipe stolen = client_with(nullptr, {}, version);
    stolen.prepare = [&](SSL* ssl) {
      REQUIRE(SSL_use_certificate(ssl, good.x509()) == 1);
      SSL_use_PrivateKey(ssl, other.key());
    };
    CHECK(outcome(server, "p.example", stolen) != "V: SUCCESS, S: CN=client");
  }
}

TEST_CASE("APolicyIsFoundByTheMostSpecificNameAndOfSeveralTheFirst") {
  const auto load = [](std::string name, std::vector<std::string> server_names) {
    return HostPolicy::load({.name = std::move(name), .server_names = std::move(server_names)},
                            std::chrono::system_clock::now())
        .policy;
  };
  PolicyTable::Builder builder{PolicyTable()};
  builder.put(load("wild", {"*.example"}));
  builder.put(load("second", {"a.example"}));
  builder.put(load("first", {"a.example", "b.example"}));
  const PolicyTable table = builder.take();
  const auto found = [&](std::string_view host) {
    const HostPolicy* policy = find_policy(table, host);
    return policy == nullptr ? "" : policy->value().name;
  };
  CHECK(found("a.example") == "first");
  CHECK(found("a.example.") == "first");
  CHECK(found("b.example") == "first");
  CHECK(found("c.example") == "wild");
  CHECK(found("c.b.example") == "");
  CHECK(found("example") == "");
  CHECK(found("") == "");
  CHECK(found(".") == "");
}

TEST_CASE("PoliciesThatSayTheSameAreOne") {
  const auto digest = [](const TlsPolicy& policy) {
    return std::string(HostPolicy::load(policy, std::chrono::system_clock::now()).policy->digest());
  };
  const ClientCertificates off{.mode = ClientCertificateMode::kOff};
  const TlsPolicy base{.name = "a", .server_names = {"a.example"}, .client_certificates = off};
  TlsPolicy same = base;
  same.name = "b";
  same.server_names = {"b.example"};
  same.origin = {.kind = "Ingress"};
  CHECK(digest(base) == digest(same));
  CHECK(digest(base).size() == 32);
  std::vector<TlsPolicy> others(11, base);
  others[0].preset = TlsPreset::kIntermediate;
  others[1].preset = TlsPreset::kModern;
  others[2].min_version = TlsVersion::kTls12;
  others[3].max_version = TlsVersion::kTls12;
  others[4].max_version = TlsVersion::kTls13;
  others[5].tls12_ciphers = {Tls12Cipher::kEcdheEcdsaAes128Gcm};
  others[6].groups = {TlsGroup::kX25519};
  others[7].groups = {TlsGroup::kX25519MlKem768, TlsGroup::kX25519};
  others[8].client_certificates.reset();
  others[9].client_certificates->headers.subject = "S";
  others[10].client_certificates->headers.issuer = "S";
  std::vector<std::string> digests = {digest(base)};
  for (const TlsPolicy& other : others) digests.push_back(digest(other));
  std::ranges::sort(digests);
  CHECK(std::ranges::adjacent_find(digests) == digests.end());
}

}  // namespace
}  // namespace ingress::tls
