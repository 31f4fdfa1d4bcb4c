// Certificates that are trusted: those of a CA bundle, or of the system. Parsed once.
//
// Owner: shared by the contexts that verify with it. Thread: any; BoringSSL locks.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

struct x509_store_st;

namespace ingress::tls {

class TrustStore {
 public:
  static constexpr std::size_t kMaxCertificates = 512;

  // Of PEM text; what is not a certificate in it is an error. The error says what is wrong with the text.
  static std::expected<std::shared_ptr<const TrustStore>, std::string> read(std::string_view pem);
  // The roots that the system trusts: read by the first call, and the same ever after. From $SSL_CERT_FILE
  // when that is set, else from where distributions have them.
  static std::expected<std::shared_ptr<const TrustStore>, std::string> system();

  // For SSL_CTX_set1_verify_cert_store().
  x509_store_st* store() const { return store_.get(); }

 private:
  struct FreeStore {
    void operator()(x509_store_st* store) const;
  };
  TrustStore() = default;
  std::unique_ptr<x509_store_st, FreeStore> store_;
};

}  // namespace ingress::tls
