// A certificate ready for handshakes: its chain and key are parsed once, and shared by all tables that have
// it.
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

struct ssl_credential_st;

namespace ingress::tls {

enum class KeyType : std::uint8_t { kEcdsa, kRsa };

class ServedCertificate {
 public:
  static constexpr std::size_t kMaxChain = 10;

  struct Loaded;
  // Parses `certificate`. What is wrong comes with it, as check_certificate() says, fields being those of
  // Certificate.
  static Loaded load(const Certificate& certificate, std::chrono::system_clock::time_point now);

  ServedCertificate(const ServedCertificate&) = delete;
  ServedCertificate& operator=(const ServedCertificate&) = delete;
  ~ServedCertificate();

  std::string_view key() const { return value_.name; }
  static void destroy(const ServedCertificate* certificate) { delete certificate; }
  mutable std::atomic<std::uint32_t> refs{0};

  const Certificate& value() const { return value_; }
  KeyType key_type() const { return key_type_; }
  // Whether it proves `host` (RFC 6125 6.4), which is in lower case: by a DNS name of its
  // subjectAltName, a wildcard standing for the whole first label.
  bool covers(std::string_view host) const;
  // Of this object.
  const ssl_credential_st* credential() const { return credential_.get(); }

 private:
  struct FreeCredential {
    void operator()(ssl_credential_st* credential) const;
  };

  ServedCertificate() = default;

  Certificate value_;
  KeyType key_type_ = KeyType::kEcdsa;
  std::vector<std::string> dns_names_;  // lower case
  std::unique_ptr<ssl_credential_st, FreeCredential> credential_;
};

struct ServedCertificate::Loaded {
  base::CountedPtr<const ServedCertificate> certificate;  // null when a problem is an error
  std::vector<Problem> problems;
};

}  // namespace ingress::tls
