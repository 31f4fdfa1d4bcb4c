// What all connections under one policy of TLS to backends have in common: versions, algorithms, whom we
// trust, and what we show.
//
// Owner: the clusters that have the policy, and their connections. Thread: any; BoringSSL counts and locks.
// Always true: TLS 1.2 with ECDHE and an AEAD, or TLS 1.3; no renegotiation, no compression, no early data;
// the backend's certificate is verified by ClientHandshake unless the policy says otherwise.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingress/backend_tls.h"
#include "ingress/config.h"
#include "tls/served_certificate.h"
#include "tls/trust_store.h"

struct ssl_ctx_st;

namespace ingress::tls {

class ClientContext {
 public:
  struct Loaded;
  // Reads the PEM of `settings`, which validate() has found no error in. Fields of problems are its.
  static Loaded load(const BackendTls& settings, std::chrono::system_clock::time_point now);

  const BackendTls& settings() const { return settings_; }
  // SHA-256 of every field: stands for the policy where sessions are kept.
  const std::string& identity() const { return identity_; }
  // For TlsTransport.
  ssl_ctx_st* ssl_context() const { return context_.get(); }

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  ClientContext() = default;
  bool set_up();

  BackendTls settings_;
  std::string identity_;
  std::shared_ptr<const TrustStore> trusted_;  // null: whoever answers
  base::CountedPtr<const ServedCertificate> shown_;
  std::unique_ptr<ssl_ctx_st, FreeContext> context_;
};

using ClientContextPtr = std::shared_ptr<const ClientContext>;

struct ClientContext::Loaded {
  ClientContextPtr context;  // null when a problem is an error
  std::vector<Problem> problems;
};

// Those in use, one per policy whatever the number of clusters that have it.
// Owner: the control side. Thread: one at a time.
class ClientContexts {
 public:
  // As ClientContext::load(), but for a policy that is in use already.
  ClientContext::Loaded load(const BackendTls& settings, std::chrono::system_clock::time_point now);

 private:
  std::unordered_map<std::string, std::weak_ptr<const ClientContext>> by_identity_;
  std::size_t prune_at_ = 64;
};

}  // namespace ingress::tls
