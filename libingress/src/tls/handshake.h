// Which policy holds for a client and which certificate it gets: the answer to its server name (SNI), decided
// once per handshake; and whether the client's own certificate lets it in.
//
// For: TlsTransport, which owns one while its handshake runs. Thread: the transport's.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tls/cert_table.h"
#include "tls/client_verifier.h"
#include "tls/host_policy.h"
#include "tls/server_context.h"

struct ssl_ctx_st;
struct ssl_early_callback_ctx;
struct ssl_st;

namespace ingress::tls {

// What a client may choose by ALPN (RFC 7301).
enum class Protocols : std::uint8_t {
  kHttp,
  kNone,  // nothing is promised, whatever is offered: what goes over the connection is not ours to know
};

class Handshake {
 public:
  // Of one name: each costs memory and time in every handshake.
  static constexpr std::size_t kMaxOffered = 4;

  // `policies` may be null.
  Handshake(std::shared_ptr<const ServerContext> context, std::shared_ptr<const CertTable> table,
            std::shared_ptr<const PolicyTable> policies = nullptr, Protocols protocols = Protocols::kHttp)
      : context_(std::move(context)),
        table_(std::move(table)),
        policies_(std::move(policies)),
        protocols_(protocols) {}
  // The one attached to `ssl`.
  static Handshake& of(const ssl_st& ssl);

  // Makes `ssl` ask this object, which must stay until its handshake is over.
  void attach(ssl_st& ssl);
  // Gives the handshake that begins with `hello` what holds for the server name in it: policy and
  // certificates. Whether it may go on; without certificates it will end with unrecognized_name.
  bool answer(const ssl_early_callback_ctx& hello);

  const ServerContext& context() const { return *context_; }
  Protocols protocols() const { return protocols_; }
  const std::string& server_name() const { return server_name_; }  // lower case; empty when none was sent
  bool has_choice() const { return !chosen_.empty(); }
  // Whether the default certificate is among those offered: its clients may ask for any host.
  bool is_default() const { return is_default_; }
  // Why the client was not let in; what it was not asked for, or sent and found good, is no reason.
  std::optional<ClientRefusal> client_refusal() const { return client_refusal_; }
  void refuse_client(ClientRefusal why) { client_refusal_ = why; }
  // Of the policy, or of the listener where that says nothing; null: clients are not asked.
  const ClientVerifier* clients() const {
    return policy_ && policy_->decides_on_clients() ? policy_->clients() : context_->clients();
  }
  const HostPolicy* policy() const { return policy_.get(); }  // null: what the listener says
  // What those offered prove.
  std::vector<std::shared_ptr<const CertificateNames>> names() const;

 private:
  bool apply_policy(ssl_st& ssl) const;
  bool set_groups(const ssl_early_callback_ctx& hello) const;
  bool choose(ssl_st& ssl);

  std::shared_ptr<const ServerContext> context_;
  std::shared_ptr<const CertTable> table_;
  std::shared_ptr<const PolicyTable> policies_;
  Protocols protocols_;
  std::string server_name_;
  HostPolicyPtr policy_;
  std::vector<ServedCertificatePtr> chosen_;  // in the order in which they were offered
  bool is_default_ = false;
  std::optional<ClientRefusal> client_refusal_;
};

// Makes the handshakes of `context` ask the Handshake attached to each, and clients for certificates that
// `clients`, which outlives it, lets in; null: for none.
void install_handshake(ssl_ctx_st& context, const ClientVerifier* clients);

}  // namespace ingress::tls
