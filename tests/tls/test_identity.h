// Authorities, the certificates that they issue and their CRLs, for tests; made by BoringSSL on the spot.
#pragma once

#include <openssl/base.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

namespace ingress::test {

enum class Use : std::uint8_t { kClient, kServer, kAny, kAuthority };

struct IdentityRecipe {
  std::vector<std::string> common_names = {"client"};
  // GEN_DNS, GEN_URI, GEN_EMAIL or GEN_IPADD (its bytes), and the value.
  std::vector<std::pair<int, std::string>> alt_names = {};
  Use use = Use::kClient;
  std::int64_t valid_from = std::time(nullptr) - 3600;
  std::int64_t valid_to = std::time(nullptr) + 3600;
};

// A certificate and its key.
class Identity {
 public:
  static Identity root(const std::string& name, IdentityRecipe recipe = {});  // signed by its own key
  Identity issue(const IdentityRecipe& recipe = {}) const;
  Identity issue_authority(const std::string& name) const {
    return issue({.common_names = {name}, .use = Use::kAuthority});
  }
  std::string pem() const;
  std::string crl(const std::vector<const Identity*>& revoked, std::int64_t from = std::time(nullptr) - 60,
                  std::int64_t to = std::time(nullptr) + 3600) const;
  X509* x509() const { return x509_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

 private:
  static Identity make(const IdentityRecipe& recipe, const Identity* issuer);
  bssl::UniquePtr<X509> x509_;
  bssl::UniquePtr<EVP_PKEY> key_;
};

}  // namespace ingress::test
