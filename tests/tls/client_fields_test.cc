// What backends are told of a certificate: each name stands for itself, whatever a client had signed.
#include "tls/client_fields.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tls/client_certificates_fixture.h"

namespace ingress::tls {
namespace {

const ClientCertificateHeaders kAll{.verified = "v",
                                    .subject = "s",
                                    .issuer = "i",
                                    .subject_alt_names = "n",
                                    .fingerprint = "f",
                                    .certificate = "c"};

std::string value_of(const std::vector<net::ClientField>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &net::ClientField::name);
  REQUIRE(found != fields.end());
  return found->value;
}

TEST_CASE("TellsWhatIsAskedForAndNoMore") {
  const Identity root = Identity::root("root");
  const Identity one = root.issue({.common_names = {"Shop, Inc."},
                                   .alt_names = {{GEN_DNS, "a.example"},
                                                 {GEN_URI, "spiffe://a/b?c=d"},
                                                 {GEN_EMAIL, "x@a.example"},
                                                 {GEN_IPADD, std::string("\x0a\0\0\x01", 4)},
                                                 {GEN_IPADD, std::string(15, '\0') + '\x01'}}});
  const auto fields = client_fields(kAll, one.x509());
  REQUIRE(fields.size() == 6);
  CHECK(value_of(fields, "v") == "SUCCESS");
  CHECK(value_of(fields, "s") == "CN=Shop\\, Inc.");
  CHECK(value_of(fields, "i") == "CN=root");
  CHECK(value_of(fields, "n") == "DNS:a.example,URI:spiffe://a/b?c=d,email:x@a.example,IP:10.0.0.1,IP:::1");
  const std::string fingerprint = value_of(fields, "f");
  CHECK(fingerprint.size() == 64);
  CHECK(fingerprint.find_first_not_of("0123456789abcdef") == std::string::npos);
  const std::string pem = value_of(fields, "c");
  CHECK(pem.starts_with("-----BEGIN%20CERTIFICATE-----%0A"));
  CHECK(pem.ends_with("%0A-----END%20CERTIFICATE-----%0A"));
  CHECK(pem.find_first_of(" \n+/=") == std::string::npos);
  CHECK(client_fields({}, one.x509()).empty());
  CHECK(client_fields({.fingerprint = "x"}, one.x509()) == std::vector<net::ClientField>{{"x", fingerprint}});
  CHECK(client_fields(kAll, nullptr) == std::vector<net::ClientField>{{"v", "NONE"}});
}

TEST_CASE("WhatACertificateHoldsCannotLookLikeAnythingElse") {
  const Identity root = Identity::root("root");
  const Identity hostile = root.issue({.common_names = {"a\r\nX-Admin: 1", "caf\xc3\xa9"},
                                       .alt_names = {{GEN_DNS, "a,URI:spiffe://admin"},
                                                     {GEN_URI, std::string("b\r\n\0\"\\% \x7f\xff", 10)},
                                                     {GEN_IPADD, "short"},
                                                     {GEN_EMAIL, ""}}});
  const auto fields = client_fields(kAll, hostile.x509());
  for (const net::ClientField& field : fields) {
    CAPTURE(field.value);
    CHECK(std::ranges::all_of(field.value, [](char c) { return c >= ' ' && c < 0x7f; }));
  }
  CHECK(value_of(fields, "s") == "CN=caf\\C3\\A9,CN=a\\0D\\0AX-Admin: 1");
  CHECK(value_of(fields, "n") == "DNS:a%2CURI:spiffe://admin,URI:b%0D%0A%00%22%5C%25%20%7F%FF,email:");
}

TEST_CASE("NamesThatCountAreFew") {
  const Identity root = Identity::root("root");
  IdentityRecipe recipe;
  for (int i = 0; i < 400; ++i) recipe.alt_names.emplace_back(GEN_DNS, "n" + std::to_string(i));
  const Identity many = root.issue(recipe);
  const auto names = client_names(*many.x509());
  REQUIRE(names.size() == kMaxClientNames + 1);
  CHECK(names.back() == ClientName{ClientNameType::kCommonName, "client"});
  CHECK(names[kMaxClientNames - 1].value == "n255");
}

}  // namespace
}  // namespace ingress::tls
