// What is found in a certificate when it is loaded, and which hosts it proves.
#include "tls/served_certificate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tls/test_certificates.h"

namespace ingress::tls {
namespace {

using test::make_certificate;
using test::TestKey;

std::vector<std::string> fields_of(const std::vector<Problem>& problems, Severity severity) {
  std::vector<std::string> fields;
  for (const Problem& problem : problems) {
    if (problem.severity != severity) continue;
    CHECK_FALSE(problem.why.empty());
    CHECK_FALSE(problem.fix.empty());
    fields.push_back(problem.field);
  }
  return fields;
}

using Fields = std::vector<std::string>;

TEST_CASE("LoadsAChainWithItsKey") {
  for (const auto& [type, loaded_type] :
       {std::pair(TestKey::kP256, KeyType::kEcdsa), std::pair(TestKey::kP384, KeyType::kEcdsa),
        std::pair(TestKey::kRsa2048, KeyType::kRsa)}) {
    const Certificate certificate = make_certificate({.key = type});
    const auto loaded = ServedCertificate::load(certificate, std::chrono::system_clock::now());
    CHECK(loaded.problems.empty());
    REQUIRE(loaded.certificate);
    CHECK(loaded.certificate->key_type() == loaded_type);
    CHECK(loaded.certificate->value() == certificate);
  }
}

TEST_CASE("RefusesWhatCannotServe") {
  const Certificate good = make_certificate();
  const Certificate other = make_certificate();
  struct Row {
    std::string what;
    Certificate certificate;
    std::string field;
  };
  const auto with = [&](std::string chain, std::string key) {
    Certificate changed = good;
    changed.chain = std::move(chain);
    changed.key.text = std::move(key);
    return changed;
  };
  std::string many;
  for (std::size_t i = 0; i <= ServedCertificate::kMaxChain; ++i) many += good.chain;
  const Row rows[] = {
      {"no chain", with("", good.key.text), "chain"},
      {"chain that is a key", with(good.key.text, good.key.text), "chain"},
      {"chain cut", with(good.chain.substr(0, good.chain.size() / 2), good.key.text), "chain"},
      {"chain of other bytes",
       with("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good.key.text), "chain"},
      {"too long a chain", with(many, good.key.text), "chain"},
      {"no key", with(good.chain, ""), "key"},
      {"key that is a certificate", with(good.chain, good.chain), "key"},
      {"key of other bytes",
       with(good.chain, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "key"},
      {"encrypted key",
       with(good.chain, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
       "key"},
      {"another's key", with(good.chain, other.key.text), "key"},
      {"a key of a size that no handshake should wait for",
       with(good.chain,
            "-----BEGIN PRIVATE KEY-----\n" + std::string(8'000, 'A') + "\n-----END PRIVATE KEY-----\n"),
       "key"},
      {"weak RSA", make_certificate({.key = TestKey::kRsa1024}), "key"},
      {"curve that no browser takes", make_certificate({.key = TestKey::kP224}), "key"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto loaded = ServedCertificate::load(row.certificate, std::chrono::system_clock::now());
    CHECK_FALSE(loaded.certificate);
    CHECK(fields_of(loaded.problems, Severity::kError) == Fields{row.field});
  }
}

TEST_CASE("TheSameChainAndKeyAreNotParsedAgain") {
  Certificate certificate = make_certificate();
  const auto now = std::chrono::system_clock::now();
  const auto first = ServedCertificate::load(certificate, now);
  certificate.server_names = {"b.example"};
  const auto second = ServedCertificate::load(certificate, now, first.certificate.get());
  REQUIRE(second.certificate);
  CHECK(second.certificate->credential() == first.certificate->credential());
  CHECK(second.certificate->value().server_names == certificate.server_names);
  CHECK(fields_of(second.problems, Severity::kWarning) == Fields{"server_names[0]"});
  const auto other = ServedCertificate::load(make_certificate(), now, first.certificate.get());
  CHECK(other.certificate->credential() != first.certificate->credential());
}

TEST_CASE("OfManyNamesThatAreNotCoveredTenAreShown") {
  Certificate certificate = make_certificate();
  certificate.server_names.clear();
  for (int i = 0; i < 50; ++i) certificate.server_names.push_back("h" + std::to_string(i) + ".example");
  const auto loaded = ServedCertificate::load(certificate, std::chrono::system_clock::now());
  REQUIRE(loaded.problems.size() == 11);
  CHECK(loaded.problems.back().field == "server_names");
  CHECK(loaded.problems.back().why.find("40 more") != std::string::npos);
}

TEST_CASE("EveryCutOfAChainOrKeyIsRefusedOrTheSame") {
  const Certificate good = make_certificate();
  const auto now = std::chrono::system_clock::now();
  for (std::size_t size = 0; size < good.key.text.size(); ++size) {
    Certificate cut = good;
    cut.key.text.resize(size);
    const auto loaded = ServedCertificate::load(cut, now);
    // Only the last line end may be missing.
    CHECK_MESSAGE(bool(loaded.certificate) == (size + 1 == good.key.text.size()), size);
    CHECK(bool(loaded.certificate) == fields_of(loaded.problems, Severity::kError).empty());
  }
  for (std::size_t size = 0; size < good.chain.size(); ++size) {
    Certificate cut = good;
    cut.chain.resize(size);
    const auto loaded = ServedCertificate::load(cut, now);
    CHECK_MESSAGE(bool(loaded.certificate) == (size + 1 == good.chain.size()), size);
  }
}

TEST_CASE("WarnsOfTimesAndNamesAndServesAllTheSame") {
  const Certificate certificate = make_certificate(
      {.dns_names = {"a.example"}, .server_names = {"a.example", "b.example", "*.a.example"}});
  const auto now = std::chrono::system_clock::now();
  const auto uncovered = ServedCertificate::load(certificate, now);
  CHECK(uncovered.certificate);
  CHECK(fields_of(uncovered.problems, Severity::kWarning) == Fields{"server_names[1]", "server_names[2]"});

  const Certificate plain = make_certificate();
  for (const auto shift : {std::chrono::hours(-2), std::chrono::hours(2)}) {
    const auto loaded = ServedCertificate::load(plain, now + shift);
    CHECK(loaded.certificate);
    CHECK(fields_of(loaded.problems, Severity::kWarning) == Fields{"chain"});
  }

  Certificate unsorted = plain;
  unsorted.chain += make_certificate({.name = "no issuer"}).chain;
  const auto loaded = ServedCertificate::load(unsorted, now);
  CHECK(loaded.certificate);
  CHECK(fields_of(loaded.problems, Severity::kWarning) == Fields{"chain"});
}

TEST_CASE("ProvesItsDnsNamesAndOneLabelBelowItsWildcards") {
  const auto loaded = ServedCertificate::load(
      make_certificate({.dns_names = {"A.example", "*.w.example"}, .server_names = {}}),
      std::chrono::system_clock::now());
  REQUIRE(loaded.certificate);
  for (const char* host : {"a.example", "a.example.", "b.w.example", "*.w.example"}) {
    CAPTURE(host);
    CHECK(loaded.certificate->names()->cover(host));
  }
  for (const char* host : {"", "example", "b.a.example", "w.example", ".w.example", "c.b.w.example", "test",
                           "xw.example", "a.example.."}) {
    CAPTURE(host);
    CHECK_FALSE(loaded.certificate->names()->cover(host));
  }
}

TEST_CASE("ProblemsShowNothingOfAKey") {
  Certificate certificate = make_certificate();
  const std::string middle = certificate.key.text.substr(60, 40);
  std::swap(certificate.chain, certificate.key.text);
  for (const Problem& problem : check_certificate(certificate)) {
    CHECK(problem.why.find(middle) == std::string::npos);
    CHECK(problem.fix.find(middle) == std::string::npos);
  }
}

}  // namespace
}  // namespace ingress::tls
