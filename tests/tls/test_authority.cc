#include "tls/test_authority.h"

#include <openssl/bio.h>
#include <openssl/ec_key.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <doctest/doctest.h>

namespace ingress::test {
namespace {

bssl::UniquePtr<EVP_PKEY> make_key() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  REQUIRE(EC_KEY_generate_key(ec.get()) == 1);
  REQUIRE(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
  return key;
}

std::string text_of(const bssl::UniquePtr<BIO>& bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  REQUIRE(BIO_mem_contents(bio.get(), &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

std::string pem_of(X509* x509) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(bio.get(), x509) == 1);
  return text_of(bio);
}

std::string pem_of(EVP_PKEY* key) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio);
}

void add_extension(X509* x509, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
  const bssl::UniquePtr<X509_EXTENSION> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, nid, value.c_str()));
  REQUIRE(extension);
  REQUIRE(X509_add_ext(x509, extension.get(), -1) == 1);
}

bssl::UniquePtr<X509> make_x509(const std::string& name, EVP_PKEY* key, std::int64_t from, std::int64_t to) {
  static std::uint64_t serial = 1;
  bssl::UniquePtr<X509> x509(X509_new());
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), serial++);
  ASN1_TIME_set_posix(X509_getm_notBefore(x509.get()), from);
  ASN1_TIME_set_posix(X509_getm_notAfter(x509.get()), to);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(x509.get()), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const std::uint8_t*>(name.c_str()), -1, -1, 0);
  X509_set_pubkey(x509.get(), key);
  return x509;
}

bssl::UniquePtr<X509> make_leaf(const IssueRecipe& recipe, EVP_PKEY* key) {
  auto x509 = make_x509(recipe.common_name, key, recipe.valid_from, recipe.valid_to);
  std::string names;
  for (const auto& name : recipe.dns_names) names += "DNS:" + name + ",";
  for (const auto& name : recipe.ip_addresses) names += "IP:" + name + ",";
  for (const auto& name : recipe.uris) names += "URI:" + name + ",";
  if (!names.empty()) {
    names.pop_back();
    add_extension(x509.get(), NID_subject_alt_name, names);
  }
  if (recipe.usage != nullptr) add_extension(x509.get(), NID_ext_key_usage, recipe.usage);
  return x509;
}

}  // namespace

TestAuthority::TestAuthority(const std::string& name, std::int64_t valid_to)
    : key_(make_key()), x509_(make_x509(name, key_.get(), std::time(nullptr) - 86'400, valid_to)) {
  X509_set_issuer_name(x509_.get(), X509_get_subject_name(x509_.get()));
  add_extension(x509_.get(), NID_basic_constraints, "critical,CA:TRUE");
  REQUIRE(X509_sign(x509_.get(), key_.get(), EVP_sha256()) > 0);
  pem_ = pem_of(x509_.get());
}

Issued TestAuthority::issue(const IssueRecipe& recipe) const {
  const auto key = make_key();
  const auto x509 = make_leaf(recipe, key.get());
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509_.get()));
  REQUIRE(X509_sign(x509.get(), key_.get(), EVP_sha256()) > 0);
  return {.chain = pem_of(x509.get()), .key = pem_of(key.get())};
}

Issued TestAuthority::self_signed(const IssueRecipe& recipe) {
  const auto key = make_key();
  const auto x509 = make_leaf(recipe, key.get());
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get()));
  REQUIRE(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);
  return {.chain = pem_of(x509.get()), .key = pem_of(key.get())};
}

}  // namespace ingress::test
