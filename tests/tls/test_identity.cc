#include "tls/test_identity.h"

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

void add_alt_names(X509* x509, const std::vector<std::pair<int, std::string>>& names) {
  if (names.empty()) return;
  bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  for (const auto& [type, value] : names) {
    const bool is_address = type == GEN_IPADD;
    bssl::UniquePtr<ASN1_STRING> text(is_address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new());
    ASN1_STRING_set(text.get(), value.data(), static_cast<long>(value.size()));
    bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
    GENERAL_NAME_set0_value(entry.get(), type, text.release());
    bssl::PushToStack(all.get(), std::move(entry));
  }
  REQUIRE(X509_add1_ext_i2d(x509, NID_subject_alt_name, all.get(), 0, 0) == 1);
}

void add_use(X509* x509, Use use) {
  if (use == Use::kAuthority) {
    bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
    constraints->ca = ASN1_BOOLEAN_TRUE;
    REQUIRE(X509_add1_ext_i2d(x509, NID_basic_constraints, constraints.get(), 1, 0) == 1);
  } else if (use != Use::kAny) {
    bssl::UniquePtr<EXTENDED_KEY_USAGE> uses(sk_ASN1_OBJECT_new_null());
    const int nid = use == Use::kClient ? NID_client_auth : NID_server_auth;
    bssl::PushToStack(uses.get(), bssl::UniquePtr<ASN1_OBJECT>(OBJ_nid2obj(nid)));
    REQUIRE(X509_add1_ext_i2d(x509, NID_ext_key_usage, uses.get(), 0, 0) == 1);
  }
}

std::string take_text(BIO* bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  REQUIRE(BIO_mem_contents(bio, &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace

Identity Identity::make(const IdentityRecipe& recipe, const Identity* issuer) {
  static std::uint64_t serial = 0;
  Identity made;
  made.key_ = make_key();
  made.x509_.reset(X509_new());
  X509* x509 = made.x509();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), ++serial);
  ASN1_TIME_set_posix(X509_getm_notBefore(x509), recipe.valid_from);
  ASN1_TIME_set_posix(X509_getm_notAfter(x509), recipe.valid_to);
  for (const std::string& name : recipe.common_names) {
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                               reinterpret_cast<const std::uint8_t*>(name.data()),
                               static_cast<ossl_ssize_t>(name.size()), -1, 0);
  }
  X509_set_issuer_name(x509, X509_get_subject_name(issuer == nullptr ? x509 : issuer->x509()));
  X509_set_pubkey(x509, made.key());
  add_alt_names(x509, recipe.alt_names);
  add_use(x509, recipe.use);
  REQUIRE(X509_sign(x509, issuer == nullptr ? made.key() : issuer->key(), EVP_sha256()) > 0);
  return made;
}

Identity Identity::root(const std::string& name, IdentityRecipe recipe) {
  recipe.common_names = {name};
  recipe.use = Use::kAuthority;
  return make(recipe, nullptr);
}

Identity Identity::issue(const IdentityRecipe& recipe) const {
  return make(recipe, this);
}

std::string Identity::pem() const {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(out.get(), x509()) == 1);
  return take_text(out.get());
}

std::string Identity::crl(const std::vector<const Identity*>& revoked, std::int64_t from,
                          std::int64_t to) const {
  const bssl::UniquePtr<X509_CRL> crl(X509_CRL_new());
  X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(x509()));
  const bssl::UniquePtr<ASN1_TIME> begin(ASN1_TIME_set_posix(nullptr, from));
  const bssl::UniquePtr<ASN1_TIME> end(ASN1_TIME_set_posix(nullptr, to));
  X509_CRL_set1_lastUpdate(crl.get(), begin.get());
  X509_CRL_set1_nextUpdate(crl.get(), end.get());
  for (const Identity* identity : revoked) {
    bssl::UniquePtr<X509_REVOKED> entry(X509_REVOKED_new());
    X509_REVOKED_set_serialNumber(entry.get(), X509_get0_serialNumber(identity->x509()));
    X509_REVOKED_set_revocationDate(entry.get(), begin.get());
    X509_CRL_add0_revoked(crl.get(), entry.release());
  }
  REQUIRE(X509_CRL_sign(crl.get(), key(), EVP_sha256()) > 0);
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509_CRL(out.get(), crl.get()) == 1);
  return take_text(out.get());
}

}  // namespace ingress::test
