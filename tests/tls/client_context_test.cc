// Policies of TLS to backends as they are read: what is wrong in them, and which are the same.
#include "tls/client_context.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "ingress/cluster.h"
#include "tls/test_authority.h"

namespace ingress::tls {
namespace {

using test::Issued;
using test::TestAuthority;

const auto kNow = std::chrono::system_clock::now();

TEST_CASE("WhatCannotBeReadIsAProblemOfItsField") {
  const TestAuthority authority;
  const Issued good = authority.issue(), other = authority.issue();
  const std::string& ca = authority.pem();
  struct Row {
    BackendTls settings;
    const char* field;
    const char* why;
  };
  const std::vector<Row> rows = {
      {{.ca_bundle = "not PEM"}, "ca_bundle", "no certificate in it"},
      {{.ca_bundle = ca + ca.substr(0, ca.size() / 2)}, "ca_bundle", "block 2"},
      {{.ca_bundle = ca + good.key}, "ca_bundle", "block 2 is no certificate"},
      {{.ca_bundle = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
       "ca_bundle",
       "block 1 is not an X.509 certificate"},
      {{.ca_bundle = ca, .client_certificate = "x", .client_key = {good.key}},
       "client_certificate",
       "no certificate in it"},
      {{.ca_bundle = ca, .client_certificate = good.chain, .client_key = {other.key}},
       "client_key",
       "does not belong"},
      {{.ca_bundle = ca, .client_certificate = good.chain, .client_key = {"x"}},
       "client_key",
       "no private key in it"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto loaded = ClientContext::load(row.settings, kNow);
    CHECK(loaded.context == nullptr);
    REQUIRE(loaded.problems.size() == 1);
    CHECK(loaded.problems.front().severity == Severity::kError);
    CHECK(loaded.problems.front().field == row.field);
    CHECK(loaded.problems.front().why.find(row.why) != std::string::npos);
    CHECK(loaded.problems.front().why.find("BEGIN") == std::string::npos);
    const auto problems =
        check_backend_tls({.name = "c", .tls = row.settings, .origin = {.kind = "Service", .name = "s"}});
    REQUIRE(problems.size() == 1);
    CHECK(problems.front().field == std::string("tls.") + row.field);
    CHECK(problems.front().object.name == "s");
  }
  CHECK(check_backend_tls({.name = "plain"}).empty());
}

TEST_CASE("AClientCertificateThatIsOverIsAWarning") {
  const TestAuthority authority;
  const Issued old = authority.issue({.valid_to = std::time(nullptr) - 60});
  const auto loaded = ClientContext::load(
      {.ca_bundle = authority.pem(), .client_certificate = old.chain, .client_key = {old.key}}, kNow);
  CHECK(loaded.context);
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems.front().severity == Severity::kWarning);
  CHECK(loaded.problems.front().field == "client_certificate");
}

TEST_CASE("EveryFieldIsPartOfTheIdentity") {
  const TestAuthority authority;
  const Issued shown = authority.issue(), renewed = authority.issue();
  const BackendTls base{.server_name = "a.example",
                        .ca_bundle = authority.pem(),
                        .allowed_names = {"b.example"},
                        .client_certificate = shown.chain,
                        .client_key = {shown.key}};
  std::vector<BackendTls> all(9, base);
  all[1].server_name = "b.example";
  all[2].ca_bundle += TestAuthority("Another").pem();
  all[3].allowed_names.push_back("a.example");
  all[4].client_certificate = renewed.chain;
  all[4].client_key = {renewed.key};
  all[5].client_key.text += "\n";
  all[6].min_version = TlsVersion::kTls13;
  all[7].max_version = TlsVersion::kTls12;
  all[8].verification = BackendVerification::kNone;
  ClientContexts contexts;
  std::set<std::string> identities;
  std::vector<ClientContextPtr> held;
  for (const BackendTls& settings : all) {
    held.push_back(contexts.load(settings, kNow).context);
    REQUIRE(held.back());
    identities.insert(held.back()->identity());
  }
  CHECK(identities.size() == all.size());
  // One per policy, as long as somebody has it.
  CHECK(contexts.load(base, kNow).context == held.front());
  held.clear();
  const auto again = contexts.load(base, kNow).context;
  REQUIRE(again);
  CHECK(identities.contains(again->identity()));
}

TEST_CASE("MovedTextGivesAnotherIdentity") {
  BackendTls one{.allowed_names = {"a.example", "b.example"}, .verification = BackendVerification::kNone};
  BackendTls two{.allowed_names = {"a.exampleb.example"}, .verification = BackendVerification::kNone};
  CHECK(ClientContext::load(one, kNow).context->identity() !=
        ClientContext::load(two, kNow).context->identity());
}

TEST_CASE("WithoutABundleTheSystemsRootsAreTrusted") {
  const auto roots = TrustStore::system();
  const auto loaded = ClientContext::load({.server_name = "a.example"}, kNow);
  CHECK(roots.has_value() == (loaded.context != nullptr));
  if (roots) return;
  REQUIRE(loaded.problems.size() == 1);
  CHECK(loaded.problems.front().field == "ca_bundle");
}

}  // namespace
}  // namespace ingress::tls
