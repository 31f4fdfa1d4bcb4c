// Server names to certificates, and changes of the table.
#include "tls/cert_table.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

#include "tls/test_certificates.h"

namespace ingress::tls {
namespace {

using test::TestKey;

ServedCertificatePtr load(std::string name, std::vector<std::string> server_names,
                          TestKey key = TestKey::kP256) {
  // One key pair for each type: making them is what takes time.
  static std::map<TestKey, Certificate> made;
  if (!made.contains(key)) made[key] = test::make_certificate({.key = key});
  Certificate certificate = made[key];
  certificate.name = std::move(name);
  certificate.server_names = std::move(server_names);
  return ServedCertificate::load(certificate, std::chrono::system_clock::now()).certificate;
}

std::vector<std::string> names_for(const CertTable& table, std::string_view server_name) {
  std::vector<std::string> names;
  for (const ServedCertificatePtr& certificate : table.find(server_name))
    names.emplace_back(certificate->key());
  return names;
}

using Names = std::vector<std::string>;

CertTable with(const CertTable& table, ServedCertificatePtr certificate) {
  CertTable::Builder builder(table);
  builder.put(std::move(certificate));
  return builder.take();
}

TEST_CASE("ExactNamesComeBeforeWildcardsOfOneLabel") {
  CertTable table;
  table = with(table, load("exact", {"a.example"}));
  table = with(table, load("wild", {"*.example"}));
  table = with(table, load("deep", {"*.a.example"}));
  CHECK(names_for(table, "a.example") == Names{"exact"});
  CHECK(names_for(table, "b.example") == Names{"wild"});
  CHECK(names_for(table, "c.a.example") == Names{"deep"});
  for (const char* name : {"", "example", ".example", "d.c.a.example", "*", "a.example.", "a.exampl"}) {
    CAPTURE(name);
    CHECK(names_for(table, name).empty());
  }
}

TEST_CASE("OfSeveralForANameThoseWithEcdsaKeysComeFirst") {
  CertTable table;
  table = with(table, load("a-rsa", {"a.example"}, TestKey::kRsa2048));
  table = with(table, load("c-ecdsa", {"a.example"}));
  table = with(table, load("b-ecdsa", {"a.example"}));
  CHECK(names_for(table, "a.example") == Names{"b-ecdsa", "c-ecdsa", "a-rsa"});
}

TEST_CASE("AChangedCertificateLeavesTheNamesThatItHad") {
  CertTable before;
  before = with(before, load("one", {"a.example", "b.example"}));
  const CertTable after = with(before, load("one", {"b.example", "*.c.example"}));
  CHECK(names_for(after, "a.example").empty());
  CHECK(names_for(after, "b.example") == Names{"one"});
  CHECK(names_for(after, "x.c.example") == Names{"one"});
  CHECK(after.size() == 1);
  CHECK(names_for(before, "a.example") == Names{"one"});  // the old version stays as it was
}

TEST_CASE("RandomChangesEndInTheTableThatIsBuiltAtOnce") {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  std::map<std::string, std::vector<std::string>> model;
  CertTable table;
  for (int step = 0; step < 500; ++step) {
    CertTable::Builder builder(table);
    for (unsigned i = 0; i <= below(3); ++i) {
      const std::string name = "c" + std::to_string(below(12));
      if (below(3) == 0) {
        builder.remove(name);
        model.erase(name);
        continue;
      }
      std::set<std::string> names;
      for (unsigned k = 0; k < below(4); ++k)
        names.insert((below(3) == 0 ? "*." : "") + ("h" + std::to_string(below(5))) + ".example");
      model[name].assign(names.begin(), names.end());
      builder.put(load(name, model[name]));
    }
    table = builder.take();
    REQUIRE(table.size() == model.size());
    for (unsigned h = 0; h < 5; ++h) {
      const std::string host = "h" + std::to_string(h) + ".example";
      for (const std::string& asked : {host, "x." + host}) {
        const std::string wanted = asked == host ? host : "*." + host;
        Names expected;
        for (const auto& [name, names] : model) {
          if (std::ranges::find(names, wanted) != names.end()) expected.push_back(name);
        }
        REQUIRE(names_for(table, asked) == expected);
      }
    }
  }
}

}  // namespace
}  // namespace ingress::tls
