// Bundles of authorities and CRLs: what is wrong with them is told, and none lets in more than it says.
#include "tls/client_trust.h"

#include <doctest/doctest.h>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

const std::int64_t kNow = std::time(nullptr);

std::string text_of(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.field + ": " + problem.why + "\n";
  return text;
}

std::vector<Problem> problems_of(const std::string& authorities, const std::string& crls = "") {
  return check_client_certificates({.authorities = authorities, .crls = crls});
}

TEST_CASE("ABundleThatCannotBeUsedIsAnErrorThatNamesIt") {
  const Identity root = Identity::root("root");
  const Identity leaf = root.issue({.common_names = {"a client"}});
  const std::string garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  const std::string bad_crl = "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n";
  struct Row {
    std::string authorities, crls;
    const char* field;
    const char* why;
  };
  const Row rows[] = {
      {"", "", "authorities", "no certificate in it"},
      {"nothing", "", "authorities", "no certificate in it"},
      {garbage, "", "authorities", "certificate 1 is not an X.509 certificate"},
      {root.pem() + garbage, "", "authorities", "certificate 2 is not an X.509 certificate"},
      {root.pem() + leaf.pem(), "", "authorities", "certificate 2 (CN=a client) is no CA certificate"},
      {root.pem().substr(0, 200), "", "authorities", "block 1"},
      {root.pem(), "nothing", "crls", "no CRL in it"},
      {root.pem(), root.pem(), "crls", "no CRL in it"},
      {root.pem(), bad_crl, "crls", "CRL 1 cannot be read"},
      {root.pem(), root.crl({}) + bad_crl, "crls", "CRL 2 cannot be read"}};
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto problems = problems_of(row.authorities, row.crls);
    CAPTURE(text_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].severity == Severity::kError);
    CHECK(problems[0].field == row.field);
    CHECK(problems[0].why.starts_with(row.why));
    CHECK_FALSE(ClientVerifier::load({.authorities = row.authorities, .crls = row.crls},
                                     std::chrono::system_clock::now())
                    .verifier);
  }
  CHECK(problems_of(root.pem()).empty());
  CHECK(problems_of(root.pem(), root.crl({})).empty());
}

TEST_CASE("WhatHasExpiredIsAWarningAndLetsNobodyIn") {
  const Identity root = Identity::root("root");
  const Identity old = Identity::root("old", {.valid_from = kNow - 200, .valid_to = kNow - 100});
  const Identity early = Identity::root("early", {.valid_from = kNow + 100});
  const auto warning = [](const std::string& authorities, const std::string& crls = "") {
    const auto problems = problems_of(authorities, crls);
    CAPTURE(text_of(problems));
    REQUIRE(problems.size() == 1);
    CHECK(problems[0].severity == Severity::kWarning);
    return problems[0].field + ": " + problems[0].why;
  };
  CHECK(warning(root.pem() + old.pem()).starts_with("authorities: certificate 2 (CN=old) expired on 20"));
  CHECK(warning(early.pem()).starts_with("authorities: certificate 1 (CN=early) is valid from 20"));
  CHECK(warning(root.pem(), root.crl({}, kNow - 200, kNow - 100))
            .starts_with("crls: CRL 1 (CN=root) expired on 20"));
  CHECK(warning(root.pem(), root.crl({}, kNow + 100)).starts_with("crls: CRL 1 (CN=root) is valid from 20"));
  const Identity other = Identity::root("other");
  CHECK(warning(root.pem() + other.pem(), root.crl({})).starts_with("crls: no CRL of CN=other"));
  const Identity of_old = old.issue();
  Server server(asking({.authorities = old.pem()}));
  Connection connection(server, client_with(&of_old));
  connection.client.shake_hands();
  connection.client.read();
  CHECK(connection.client.reason() == SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED);
  CHECK(connection.handler.num_ready == 0);
}

TEST_CASE("ListenersWithTheSameBundleShareIt") {
  const Identity root = Identity::root("root"), other = Identity::root("other");
  const auto now = std::chrono::system_clock::now();
  const auto first = ClientVerifier::load({.authorities = root.pem()}, now).verifier;
  const std::vector held = {first->trust()};
  const auto trust = [&](const ClientCertificates& settings) {
    return ClientVerifier::load(settings, now, held).verifier->trust();
  };
  CHECK(trust({.authorities = root.pem(), .max_intermediates = 0}) == first->trust());
  CHECK(trust({.authorities = other.pem()}) != first->trust());
  CHECK(trust({.authorities = root.pem(), .crls = root.crl({})}) != first->trust());
}

TEST_CASE("NamesBeyondWhatAClientCanTakeAreNotTold") {
  const std::string long_name(60, 'n');
  std::string few, many;
  for (int i = 0; i < 150; ++i) {
    const std::string pem = Identity::root(long_name.substr(3) + std::to_string(i)).pem();
    if (i < 20) few += pem;
    many += pem;
  }
  const auto now = std::chrono::system_clock::now();
  CHECK(ClientTrust::load(few, "", now).trust->told_names().size() == 20);
  CHECK(ClientTrust::load(many, "", now).trust->told_names().empty());
}

}  // namespace
}  // namespace ingress::tls
