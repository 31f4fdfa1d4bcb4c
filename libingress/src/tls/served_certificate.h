// A certificate ready for handshakes: its chain and key are parsed once, and shared by all tables that have
// it; what its issuer says of it (Certificate::ocsp_response) is verified once.
//
// Owner: CertTables, by count. Thread: any; const after load().
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counted_ptr.h"
#include "ingress/certificate.h"
#include "ingress/config.h"
#include "tls/certificate_names.h"

struct ssl_credential_st;

namespace ingress::tls {

enum class KeyType : std::uint8_t { kEcdsa, kRsa };

class ServedCertificate {
 public:
  static constexpr std::size_t kMaxChain = 10;
  static constexpr std::size_t kMaxNames = 2'000;  // of its subjectAltName; what is beyond proves nothing

  struct Loaded;
  // Parses `certificate`, unless `held`, which may be null, has the same chain and key. What is wrong comes
  // with it, as check_certificate() says, fields being those of Certificate. An ocsp_response that is not to
  // be believed, or is missing where the certificate asks for one, is a warning; then there is none.
  static Loaded load(const Certificate& certificate, std::chrono::system_clock::time_point now,
                     const ServedCertificate* held = nullptr);

  ServedCertificate(const ServedCertificate&) = delete;
  ServedCertificate& operator=(const ServedCertificate&) = delete;

  std::string_view key() const { return value_.name; }
  static void destroy(const ServedCertificate* certificate) { delete certificate; }
  mutable std::atomic<std::uint32_t> refs{0};

  const Certificate& value() const { return value_; }
  KeyType key_type() const;
  // What it proves; may outlive it.
  const std::shared_ptr<const CertificateNames>& names() const;
  const ssl_credential_st* credential() const;
  bool has_ocsp_response() const { return stapled_ != nullptr; }
  // The one with the OCSP response while that is valid, else as above.
  const ssl_credential_st* credential_at(std::chrono::system_clock::time_point now) const;
  // SHA-256 of its chain.
  std::string_view fingerprint() const;

 private:
  struct Parsed;
  struct Stapled;
  ServedCertificate(const Certificate& value, std::shared_ptr<const Parsed> parsed,
                    std::shared_ptr<const Stapled> stapled);

  Certificate value_;
  std::shared_ptr<const Parsed> parsed_;
  std::shared_ptr<const Stapled> stapled_;  // null: no response
};

struct ServedCertificate::Loaded {
  base::CountedPtr<const ServedCertificate> certificate;  // null when a problem is an error
  std::vector<Problem> problems;
};

}  // namespace ingress::tls
