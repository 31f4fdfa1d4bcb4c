// Which certificate a client gets: the answer to its server name (SNI), decided once per handshake; and
// whether the client's own lets it in.
//
// For: TlsTransport, which owns one while its handshake runs. Thread: the transport's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tls/cert_table.h"
#include "tls/client_verifier.h"
#include "tls/server_context.h"

struct ssl_ctx_st;
struct ssl_st;

namespace ingress::tls {

class Handshake {
 public:
  // Of one name: each costs memory and time in every handshake.
  static constexpr std::size_t kMaxOffered = 4;

  Handshake(std::shared_ptr<const ServerContext> context, std::shared_ptr<const CertTable> table)
      : context_(std::move(context)), table_(std::move(table)) {}

  // Makes `ssl` ask this object, which must stay until its handshake is over.
  void attach(ssl_st& ssl);
  // Gives `ssl` the certificates for the server name that the client sent; without any, the handshake will
  // end with unrecognized_name.
  bool choose(ssl_st& ssl);

  const ServerContext& context() const { return *context_; }
  const std::string& server_name() const { return server_name_; }  // lower case; empty when none was sent
  bool has_choice() const { return !chosen_.empty(); }
  // Whether the default certificate is among those offered: its clients may ask for any host.
  bool is_default() const { return is_default_; }
  // Why the client was not let in; what it was not asked for, or sent and found good, is no reason.
  std::optional<ClientRefusal> client_refusal() const { return client_refusal_; }
  void refuse_client(ClientRefusal why) { client_refusal_ = why; }
  const ClientVerifier* clients() const { return context_->clients(); }
  // What those offered prove.
  std::vector<std::shared_ptr<const CertificateNames>> names() const;

 private:
  std::shared_ptr<const ServerContext> context_;
  std::shared_ptr<const CertTable> table_;
  std::string server_name_;
  std::vector<ServedCertificatePtr> chosen_;  // in the order in which they were offered
  bool is_default_ = false;
  std::optional<ClientRefusal> client_refusal_;
};

// Makes the handshakes of `context` ask the Handshake attached to each.
void install_certificate_choice(ssl_ctx_st& context);
// Makes the handshakes of `context` ask clients for certificates that `clients`, which outlives it, lets in.
void install_client_verification(ssl_ctx_st& context, const ClientVerifier& clients);

}  // namespace ingress::tls
