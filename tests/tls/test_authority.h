// A certificate authority for tests: certificates that it has issued, good and bad ones.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace ingress::test {

struct IssueRecipe {
  std::vector<std::string> dns_names = {"backend.example"};
  std::vector<std::string> ip_addresses = {};
  std::vector<std::string> uris = {};
  std::int64_t valid_from = std::time(nullptr) - 3600;
  std::int64_t valid_to = std::time(nullptr) + 7200;
  const char* usage = "serverAuth,clientAuth";  // extendedKeyUsage; null: none
  const char* common_name = "leaf";
};

// PEM.
struct Issued {
  std::string chain, key;
};

class TestAuthority {
 public:
  explicit TestAuthority(const std::string& name = "Test CA",
                         std::int64_t valid_to = std::time(nullptr) + 864'000);
  const std::string& pem() const { return pem_; }
  Issued issue(const IssueRecipe& recipe = {}) const;
  // Signed by its own key.
  static Issued self_signed(const IssueRecipe& recipe = {});

 private:
  bssl::UniquePtr<EVP_PKEY> key_;
  bssl::UniquePtr<X509> x509_;
  std::string pem_;
};

}  // namespace ingress::test
