// What the policy of a listener lets its clients choose: versions, ciphers of TLS 1.2, groups.
#include "tls/server_context.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/fields_listener.h"
#include "tls/tls_fixture.h"

namespace ingress::tls {
namespace {

std::vector<Certificate> both_kinds() {
  return {make_certificate({.name = "rsa", .key = TestKey::kRsa2048}),
          make_certificate({.name = "ecdsa", .key = TestKey::kP256})};
}

// What a client that offers `ciphers`, in BoringSSL's words, of TLS 1.2 gets; "" when there is no handshake.
std::string cipher_taken(const ListenerTls& settings, const char* ciphers) {
  Server server(settings, both_kinds());
  Connection connection(server, {.max_version = TLS1_2_VERSION});
  REQUIRE(SSL_set_strict_cipher_list(connection.client.ssl(), ciphers) == 1);
  if (!connection.client.shake_hands()) return "";
  return SSL_CIPHER_standard_name(SSL_get_current_cipher(connection.client.ssl()));
}

struct Agreed {
  std::uint16_t group = 0;  // 0: no handshake
  bool has_retried = false;
};
Agreed group_taken(const ListenerTls& settings, const std::vector<std::uint16_t>& groups,
                   const std::vector<std::uint16_t>& shares, std::uint16_t version = TLS1_3_VERSION) {
  // In TLS 1.2 the group of an ECDSA certificate has to be among them too.
  Server server(settings, {make_certificate({.key = TestKey::kRsa2048})});
  Connection connection(server, {.min_version = version, .max_version = version});
  SSL* ssl = connection.client.ssl();
  REQUIRE(SSL_set1_group_ids(ssl, groups.data(), groups.size()) == 1);
  if (!shares.empty()) REQUIRE(SSL_set1_client_key_shares(ssl, shares.data(), shares.size()) == 1);
  if (!connection.client.shake_hands()) return {};
  return {SSL_get_group_id(ssl), SSL_used_hello_retry_request(ssl) == 1};
}

TEST_CASE("PresetsDecideVersionsUnlessTheyAreGiven") {
  const auto version = [](const ListenerTls& settings, std::uint16_t newest) {
    Server server(settings);
    Connection connection(server, {.max_version = newest});
    return connection.client.shake_hands() ? SSL_version(connection.client.ssl()) : 0;
  };
  CHECK(version({}, TLS1_2_VERSION) == TLS1_2_VERSION);
  CHECK(version({}, TLS1_3_VERSION) == TLS1_3_VERSION);
  const ListenerTls modern{.preset = TlsPreset::kModern};
  CHECK(version(modern, TLS1_2_VERSION) == 0);
  CHECK(version(modern, TLS1_3_VERSION) == TLS1_3_VERSION);
  CHECK(version({.preset = TlsPreset::kModern, .min_version = TlsVersion::kTls12}, TLS1_2_VERSION) ==
        TLS1_2_VERSION);
  CHECK(version({.max_version = TlsVersion::kTls12}, TLS1_3_VERSION) == TLS1_2_VERSION);
}

TEST_CASE("EachCipherThatCanBeListedIsTheOneThatIsSpoken") {
  for (const auto& row : config::enum_table(Tls12Cipher{})) {
    CAPTURE(row.name);
    CHECK(cipher_taken({.tls12_ciphers = {row.value}}, "ALL") == row.name);
  }
}

// Among those that go with the certificate that is taken.
TEST_CASE("TheOrderOfTheListDecides") {
  const char* const kChaCha = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256";
  const char* const kAes256 = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
  ListenerTls settings{
      .tls12_ciphers = {Tls12Cipher::kEcdheRsaChaCha20Poly1305, Tls12Cipher::kEcdheRsaAes256Gcm}};
  CHECK(cipher_taken(settings, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305") == kChaCha);
  CHECK(cipher_taken(settings, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384") == kAes256);
  CHECK(cipher_taken(settings, "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256").empty());
  std::ranges::reverse(settings.tls12_ciphers);
  CHECK(cipher_taken(settings, "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384") == kAes256);
}

TEST_CASE("WithoutAListAes256ComesLastAndTheClientChoosesAmongTheOthers") {
  CHECK(cipher_taken({}, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256") ==
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  CHECK(cipher_taken({}, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305") ==
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  CHECK(cipher_taken({}, "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256") ==
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
}

TEST_CASE("OnlyTheListedGroupsAreTakenInTheirOrder") {
  const ListenerTls settings{.groups = {TlsGroup::kP521, TlsGroup::kP256}};
  const std::vector<std::uint16_t> all = {SSL_GROUP_X25519, SSL_GROUP_SECP256R1, SSL_GROUP_SECP521R1};
  for (const std::uint16_t version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    CAPTURE(version);
    CHECK(group_taken(settings, all, {}, version).group == SSL_GROUP_SECP521R1);
    CHECK(group_taken(settings, {SSL_GROUP_X25519, SSL_GROUP_SECP256R1}, {}, version).group ==
          SSL_GROUP_SECP256R1);
    CHECK(group_taken(settings, {SSL_GROUP_X25519, SSL_GROUP_SECP384R1}, {}, version).group == 0);
    CHECK(group_taken({}, {SSL_GROUP_SECP521R1}, {}, version).group == 0);
    CHECK(group_taken({}, {SSL_GROUP_SECP384R1}, {}, version).group == SSL_GROUP_SECP384R1);
  }
}

TEST_CASE("AListedHybridGroupCostsARoundTripOnlyWhereItStandsAlone") {
  const std::vector<std::uint16_t> offered = {SSL_GROUP_X25519, SSL_GROUP_X25519_MLKEM768};
  const Agreed among_others =
      group_taken({.groups = {TlsGroup::kX25519MlKem768, TlsGroup::kX25519}}, offered, {SSL_GROUP_X25519});
  CHECK(among_others.group == SSL_GROUP_X25519);
  CHECK_FALSE(among_others.has_retried);
  const ListenerTls alone{.min_version = TlsVersion::kTls13, .groups = {TlsGroup::kX25519MlKem768}};
  const Agreed asked = group_taken(alone, offered, {SSL_GROUP_X25519});
  CHECK(asked.group == SSL_GROUP_X25519_MLKEM768);
  CHECK(asked.has_retried);
  const Agreed sent = group_taken(alone, offered, {SSL_GROUP_X25519_MLKEM768});
  CHECK(sent.group == SSL_GROUP_X25519_MLKEM768);
  CHECK_FALSE(sent.has_retried);
  CHECK(group_taken(alone, {SSL_GROUP_X25519}, {}).group == 0);
}

TEST_CASE("ASessionDoesNotOutliveTheCipherThatItBeganWith") {
  const auto tickets = std::make_shared<TicketKeys>();
  const auto context = [&](Tls12Cipher cipher) {
    return std::move(*ServerContext::create({.tls12_ciphers = {cipher}}, Http2Mode::kOn, "web", tickets));
  };
  Server server({}, {make_certificate()});
  server.context = context(Tls12Cipher::kEcdheEcdsaAes128Gcm);
  ClientRecipe recipe{.max_version = TLS1_2_VERSION};
  Connection first(server, recipe);
  REQUIRE(first.client.shake_hands());
  recipe.session = first.client.session();
  REQUIRE(recipe.session != nullptr);
  {
    Connection second(server, recipe);
    REQUIRE(second.client.shake_hands());
    CHECK(second.client.is_resumed());
  }
  server.context = context(Tls12Cipher::kEcdheEcdsaAes256Gcm);
  Connection third(server, recipe);
  REQUIRE(third.client.shake_hands());
  CHECK_FALSE(third.client.is_resumed());
}

}  // namespace
}  // namespace ingress::tls
