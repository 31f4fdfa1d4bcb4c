// What all handshakes of one TLS listener have in common: versions, ciphers, groups, session tickets.
//
// Owner: the snapshots that have the listener, and its connections. Thread: any; BoringSSL counts and locks.
// Always true: TLS 1.2 with ECDHE and an AEAD, or TLS 1.3; no renegotiation, no compression, no early data;
// sessions resume only under the listener, the policy and the certificates that they began with, and only
// where their client would be let in anew.
#pragma once

#include <expected>
#include <memory>
#include <string>

#include "ingress/error.h"
#include "ingress/listener.h"
#include "tls/algorithms.h"
#include "tls/client_verifier.h"
#include "tls/ticket_keys.h"

struct ssl_ctx_st;

namespace ingress::tls {

class ServerContext {
 public:
  // `http2`: whether clients may choose it. `listener_name`: what sessions are bound to. `tickets`: may be
  // those of other listeners too. `clients`: of settings.client_certificates, null where they ask for none.
  static std::expected<std::shared_ptr<const ServerContext>, Error> create(
      const ListenerTls& settings, Http2Mode http2, std::string listener_name,
      std::shared_ptr<TicketKeys> tickets, std::shared_ptr<const ClientVerifier> clients = nullptr);

  const ListenerTls& settings() const { return settings_; }
  const std::string& listener_name() const { return listener_name_; }
  const Groups& groups() const { return groups_; }
  const ClientVerifier* clients() const { return clients_.get(); }  // null: they are not asked
  TicketKeys& tickets() const { return *tickets_; }
  // For TlsTransport.
  ssl_ctx_st* ssl_context() const { return context_.get(); }

 private:
  struct FreeContext {
    void operator()(ssl_ctx_st* context) const;
  };
  ServerContext() = default;

  ListenerTls settings_;
  std::string listener_name_;
  std::shared_ptr<TicketKeys> tickets_;
  Groups groups_;
  std::shared_ptr<const ClientVerifier> clients_;
  std::unique_ptr<ssl_ctx_st, FreeContext> context_;
};

}  // namespace ingress::tls
