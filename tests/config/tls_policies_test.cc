// TLS policies of server names: what is wrong with one, and what becomes of it.
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

#include "config/random_config.h"
#include "config/validate.h"
#include "config/validate_rows.h"
#include "ingress/config.h"

using namespace ingress;
using test::check_rows;
using test::Row;

namespace {

const ClientCertificates kAsking{.authorities = "-----BEGIN CERTIFICATE-----",
                                 .headers = {.verified = "x-verified", .subject = "x-subject"}};

TlsPolicy good_policy() {
  return {.name = "p", .server_names = {"a.example", "*.b.example"}, .client_certificates = kAsking};
}

// The warnings of `config`, as "field: why".
std::vector<std::string> warnings_of(const GatewayConfig& config) {
  std::vector<std::string> out;
  for (const Problem& problem : validate(config)) {
    CHECK(problem.severity == Severity::kWarning);
    CHECK_FALSE(problem.fix.empty());
    out.push_back(problem.field + ": " + problem.why);
  }
  return out;
}

GatewayConfig repaired(std::vector<TlsPolicy> policies) {
  GatewayConfig config{.tls_policies = std::move(policies)};
  quarantine(config);
  const auto left = validate(config);
  CAPTURE(test::text_of(left));
  CHECK_FALSE(config::has_errors(left));
  return config;
}

TlsPolicy repaired(const std::function<void(TlsPolicy&)>& spoil) {
  TlsPolicy policy = good_policy();
  spoil(policy);
  const GatewayConfig config = repaired(std::vector{policy});
  REQUIRE(config.tls_policies.size() == 1);
  return config.tls_policies[0];
}

}  // namespace

TEST_CASE("APolicyMaySayAsMuchAsAListener") {
  GatewayConfig config = test::good_config();
  config.tls_policies = {good_policy(),
                         {.name = "modern", .server_names = {"m.example"}, .preset = TlsPreset::kModern},
                         {.name = "old",
                          .server_names = {"o.example"},
                          .max_version = TlsVersion::kTls12,
                          .tls12_ciphers = {Tls12Cipher::kEcdheRsaAes128Gcm},
                          .groups = {TlsGroup::kP384}},
                         {.name = "off",
                          .server_names = {"off.example"},
                          .client_certificates = ClientCertificates{.mode = ClientCertificateMode::kOff}}};
  CHECK(warnings_of(config).empty());
}

TEST_CASE("APolicysFaultsNameTheirField") {
  const auto row = [](const char* field, std::function<void(TlsPolicy&)> change) {
    return Row{std::string("tls_policies[0]") + field, [change](GatewayConfig& config) {
                 config.tls_policies = {good_policy()};
                 change(config.tls_policies[0]);
               }};
  };
  check_rows(
      {row(".name", [](auto& p) { p.name.clear(); }), row(".name", [](auto& p) { p.name = "a\n"; }),
       row(".server_names", [](auto& p) { p.server_names.clear(); }),
       row(".server_names[0]", [](auto& p) { p.server_names[0] = "A.example"; }),
       row(".server_names[1]", [](auto& p) { p.server_names[1] = "10.0.0.1"; }),
       row(".server_names[1]", [](auto& p) { p.server_names[1] = "a.example"; }),
       row(".preset", [](auto& p) { p.preset = static_cast<TlsPreset>(2); }),
       row(".min_version", [](auto& p) { p.min_version = static_cast<TlsVersion>(2); }),
       row(".min_version",
           [](auto& p) { p.min_version = TlsVersion::kTls13, p.max_version = TlsVersion::kTls12; }),
       row(".max_version",
           [](auto& p) { p.preset = TlsPreset::kModern, p.max_version = TlsVersion::kTls12; }),
       row(".tls12_ciphers[0]", [](auto& p) { p.tls12_ciphers = {static_cast<Tls12Cipher>(6)}; }),
       row(".tls12_ciphers",
           [](auto& p) {
             p.preset = TlsPreset::kModern;
             p.tls12_ciphers = {Tls12Cipher::kEcdheRsaAes128Gcm};
           }),
       row(".groups", [](auto& p) { p.groups = {TlsGroup::kX25519MlKem768}; }),
       row(".client_certificates.authorities", [](auto& p) { p.client_certificates->authorities.clear(); }),
       row(".client_certificates.headers.subject",
           [](auto& p) { p.client_certificates->headers.subject = "Host"; }),
       row(".origin.kind", [](auto& p) { p.origin.kind = "\n"; })},
      Severity::kError);
  check_rows({{"tls_policies[1].name",
               [](GatewayConfig& config) {
                 config.tls_policies = {good_policy(), good_policy()};
                 config.tls_policies[1].server_names = {"c.example"};
               }}},
             Severity::kError);
}

TEST_CASE("APolicyThatDoesNotCountForAServerNameIsTold") {
  GatewayConfig config;
  config.tls_policies = {{.name = "b", .server_names = {"a.example", "b.example"}},
                         {.name = "a", .server_names = {"b.example"}}};
  CHECK(warnings_of(config) ==
        std::vector<std::string>{
            "tls_policies[0].server_names[1]: is 'b.example', for which policy 'a' counts"});
}

TEST_CASE("APolicyThatLeavesAListenerNoVersionIsTold") {
  GatewayConfig config;
  config.listeners = {{.name = "new", .port = 1, .tls = ListenerTls{.preset = TlsPreset::kModern}},
                      {.name = "usual", .port = 2, .tls = ListenerTls{}},
                      {.name = "old", .port = 3, .tls = ListenerTls{.max_version = TlsVersion::kTls12}}};
  config.tls_policies = {{.name = "a", .server_names = {"a.example"}, .max_version = TlsVersion::kTls12},
                         {.name = "b", .server_names = {"b.example"}, .min_version = TlsVersion::kTls13},
                         {.name = "c", .server_names = {"c.example"}, .preset = TlsPreset::kIntermediate},
                         {.name = "d", .server_names = {"d.example"}, .preset = TlsPreset::kModern}};
  CHECK(warnings_of(config) ==
        std::vector<std::string>{"tls_policies[0].max_version: leaves no version that listener 'new' has: no "
                                 "handshake can succeed there",
                                 "tls_policies[1].min_version: leaves no version that listener 'old' has: no "
                                 "handshake can succeed there"});
}

TEST_CASE("APolicyWhoseClientCertificatesAreWrongRefusesItsServerNamesAlone") {
  const TlsPolicy other{.name = "other", .server_names = {"c.example"}};
  TlsPolicy bad = good_policy();
  bad.client_certificates->authorities.clear();
  const GatewayConfig config = repaired(std::vector{bad, other});
  REQUIRE(config.tls_policies.size() == 2);
  CHECK(config.tls_policies[1] == other);
  TlsPolicy refusing = good_policy();
  refusing.client_certificates =
      ClientCertificates{.mode = ClientCertificateMode::kRefuse, .headers = kAsking.headers};
  CHECK(config.tls_policies[0] == refusing);
  CHECK(repaired([](auto& p) { p.client_certificates->mode = static_cast<ClientCertificateMode>(9); }) ==
        refusing);
}

TEST_CASE("APolicyWithWrongVersionsAllowsNoMoreThanItWasMeantTo") {
  const auto min_version = [](const std::function<void(TlsPolicy&)>& spoil) {
    const TlsPolicy policy = repaired(spoil);
    CHECK(policy.client_certificates == kAsking);
    CHECK(policy.tls12_ciphers.empty());
    return policy.min_version;
  };
  CHECK(min_version([](auto& p) { p.preset = static_cast<TlsPreset>(7); }) == TlsVersion::kTls13);
  CHECK(min_version([](auto& p) { p.min_version = static_cast<TlsVersion>(7); }) == TlsVersion::kTls13);
  CHECK(min_version([](auto& p) { p.tls12_ciphers = {static_cast<Tls12Cipher>(7)}; }) == TlsVersion::kTls13);
  CHECK(min_version([](auto& p) { p.groups = {static_cast<TlsGroup>(7)}; }) == TlsVersion::kTls13);
  CHECK(min_version([](auto& p) { p.max_version = static_cast<TlsVersion>(7); }) == std::nullopt);
  CHECK(repaired([](auto& p) { p.preset = static_cast<TlsPreset>(7); }).preset == std::nullopt);
  const std::vector<Tls12Cipher> twice(9, Tls12Cipher::kEcdheRsaAes256Gcm);
  CHECK(repaired([&](auto& p) { p.tls12_ciphers = twice; }).tls12_ciphers ==
        std::vector{Tls12Cipher::kEcdheRsaAes256Gcm});
}

TEST_CASE("AServerNameThatClientsAskForInAnotherSpellingKeepsItsPolicy") {
  const auto names = [](std::vector<std::string> wrong) {
    return repaired([&](auto& p) { p.server_names = wrong; }).server_names;
  };
  CHECK(names({"A.Example.", "*.B.example", "**.c", "10.0.0.1"}) ==
        std::vector<std::string>{"a.example", "*.b.example"});
  CHECK(names({"a.example", "A.example"}) == std::vector<std::string>{"a.example"});
  TlsPolicy nobodys = good_policy();
  nobodys.server_names = {"10.0.0.1"};
  CHECK(repaired(std::vector{nobodys}).tls_policies.empty());
}

TEST_CASE("APolicyWithoutANameOfItsOwnRefusesItsServerNames") {
  TlsPolicy first = good_policy(), second = good_policy(), third = good_policy(), fourth = good_policy();
  first.name = "quarantined-1";
  second.name = "quarantined-1";
  second.server_names = {"second.example"};
  third.name.clear();
  third.server_names = {"third.example"};
  fourth.name.assign(513, 'a');
  fourth.server_names = {"fourth.example"};
  fourth.client_certificates.reset();
  const auto policies = repaired(std::vector{first, second, third, fourth}).tls_policies;
  REQUIRE(policies.size() == 4);
  CHECK(policies[0] == first);
  const char* const server_names[] = {"second.example", "third.example", "fourth.example"};
  for (std::size_t i = 1; i < 4; ++i) {
    CHECK(policies[i].name == "quarantined-" + std::to_string(i + 1));
    CHECK(policies[i].server_names == std::vector<std::string>{server_names[i - 1]});
    CHECK(policies[i].client_certificates->mode == ClientCertificateMode::kRefuse);
  }
  CHECK(policies[1].client_certificates->headers == kAsking.headers);
}
