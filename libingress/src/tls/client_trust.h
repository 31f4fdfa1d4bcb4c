// The CA certificates and CRLs by which clients are verified: parsed once, and shared by the listeners that
// have the same.
//
// BoringSSL builds and judges the chains (RFC 5280 6); nothing here does.
// Owner: ClientVerifiers. Thread: any; const after load() but for BoringSSL's own locks.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "ingress/config.h"

struct x509_st;
struct x509_store_st;

namespace ingress::tls {

class ClientTrust {
 public:
  static constexpr std::size_t kMaxAuthorities = 1'000;
  static constexpr std::size_t kMaxCrls = 1'000;
  // Of their names together, as clients are told them to choose a certificate by: of more none are told.
  static constexpr std::size_t kMaxToldBytes = 8 * 1024;

  struct Loaded;
  // What is wrong comes with it, fields being those of ClientCertificates.
  static Loaded load(const std::string& authorities, const std::string& crls,
                     std::chrono::system_clock::time_point now);

  ClientTrust(const ClientTrust&) = delete;
  ClientTrust& operator=(const ClientTrust&) = delete;
  ~ClientTrust();

  bool is_of(const std::string& authorities, const std::string& crls) const {
    return authorities_ == authorities && crls_ == crls;
  }
  // X509_V_OK, or why `leaf` is not trusted for TLS clients now. `sent`: what came with it, in any order.
  int verify(x509_st& leaf, std::span<x509_st* const> sent, unsigned max_intermediates) const;
  // Whether all that was valid at `since` still is, but for what clients send.
  bool has_stayed_valid(std::int64_t since, std::int64_t now) const;
  // The subjects of the authorities in DER.
  std::span<const std::vector<std::uint8_t>> told_names() const { return told_names_; }

 private:
  struct Parser;
  struct FreeStore {
    void operator()(x509_store_st* store) const;
  };
  ClientTrust() = default;
  bool is_authority(const x509_st* certificate) const;

  std::string authorities_, crls_;
  std::unique_ptr<x509_store_st, FreeStore> store_;
  bool has_crls_ = false;
  std::vector<std::string> fingerprints_;  // of authorities, sorted
  std::vector<std::int64_t> ends_;         // of authorities and CRLs, sorted, in unix seconds
  std::vector<std::vector<std::uint8_t>> told_names_;
};

struct ClientTrust::Loaded {
  std::shared_ptr<const ClientTrust> trust;  // null when a problem is an error
  std::vector<Problem> problems;
};

}  // namespace ingress::tls
