#include "tls/test_certificates.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <doctest/doctest.h>

namespace ingress::test {
namespace {

bssl::UniquePtr<EVP_PKEY> make_ec(int curve) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  REQUIRE(EC_KEY_generate_key(ec.get()) == 1);
  REQUIRE(EVP_PKEY_set1_EC_KEY(key.get(), ec.get()) == 1);
  return key;
}

bssl::UniquePtr<EVP_PKEY> make_rsa(int bits) {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  BN_set_word(exponent.get(), RSA_F4);
  REQUIRE(RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr) == 1);
  REQUIRE(EVP_PKEY_set1_RSA(key.get(), rsa.get()) == 1);
  return key;
}

bssl::UniquePtr<EVP_PKEY> make_key(TestKey type) {
  switch (type) {
    case TestKey::kP256:
      return make_ec(NID_X9_62_prime256v1);
    case TestKey::kP384:
      return make_ec(NID_secp384r1);
    case TestKey::kP224:
      return make_ec(NID_secp224r1);
    case TestKey::kRsa2048: {
      static const bssl::UniquePtr<EVP_PKEY> key = make_rsa(2048);
      return bssl::UpRef(key);
    }
    case TestKey::kRsa1024: {
      static const bssl::UniquePtr<EVP_PKEY> key = make_rsa(1024);
      return bssl::UpRef(key);
    }
  }
  return nullptr;
}

std::string take_text(BIO* bio) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  REQUIRE(BIO_mem_contents(bio, &bytes, &size) == 1);
  return {reinterpret_cast<const char*>(bytes), size};
}

void add_names(X509* x509, const std::vector<std::string>& names) {
  if (names.empty()) return;
  bssl::UniquePtr<GENERAL_NAMES> all(GENERAL_NAMES_new());
  for (const std::string& name : names) {
    bssl::UniquePtr<ASN1_IA5STRING> text(ASN1_IA5STRING_new());
    ASN1_STRING_set(text.get(), name.data(), static_cast<long>(name.size()));
    bssl::UniquePtr<GENERAL_NAME> entry(GENERAL_NAME_new());
    GENERAL_NAME_set0_value(entry.get(), GEN_DNS, text.release());
    bssl::PushToStack(all.get(), std::move(entry));
  }
  REQUIRE(X509_add1_ext_i2d(x509, NID_subject_alt_name, all.get(), 0, 0) == 1);
}

}  // namespace

Certificate make_certificate(const CertificateRecipe& recipe) {
  const bssl::UniquePtr<EVP_PKEY> key = make_key(recipe.key);
  const bssl::UniquePtr<X509> x509(X509_new());
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509.get()), 1);
  ASN1_TIME_set_posix(X509_getm_notBefore(x509.get()), recipe.valid_from);
  ASN1_TIME_set_posix(X509_getm_notAfter(x509.get()), recipe.valid_to);
  X509_NAME_add_entry_by_NID(X509_get_subject_name(x509.get()), NID_commonName, MBSTRING_UTF8,
                             reinterpret_cast<const std::uint8_t*>(recipe.name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x509.get(), X509_get_subject_name(x509.get()));
  X509_set_pubkey(x509.get(), key.get());
  add_names(x509.get(), recipe.dns_names);
  REQUIRE(X509_sign(x509.get(), key.get(), EVP_sha256()) > 0);

  const bssl::UniquePtr<BIO> chain_text(BIO_new(BIO_s_mem()));
  const bssl::UniquePtr<BIO> key_text(BIO_new(BIO_s_mem()));
  REQUIRE(PEM_write_bio_X509(chain_text.get(), x509.get()) == 1);
  REQUIRE(PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
          1);
  return {.name = recipe.name,
          .server_names = recipe.server_names,
          .chain = take_text(chain_text.get()),
          .key = {take_text(key_text.get())},
          .origin = {}};
}

}  // namespace ingress::test
