// How a TLS stream lets clients in by their certificates, or ends.
#include <utility>

#include "tls/boring.h"
#include "tls/client_fields.h"
#include "tls/tls_transport.h"

namespace ingress::tls {
namespace {

// For an alert to arrive.
constexpr std::chrono::milliseconds kRefusedTime{2'000};

}  // namespace

// Of the handshake that just failed.
std::optional<ClientRefusal> TlsTransport::client_refusal() const {
  const Handshake& handshake = beginning_->handshake;
  if (handshake.clients() != nullptr && !handshake.client_refusal() &&
      ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return ClientRefusal::kMissing;
  return handshake.client_refusal();
}

// Whether the client of a handshake that is done may go on. That those without a certificate do not come so
// far, and that no session resumes without one, is seen to before: this is where it must not fail.
bool TlsTransport::admit_client() {
  const ClientVerifier* clients = beginning_->handshake.clients();
  if (clients == nullptr) return true;
  const STACK_OF(CRYPTO_BUFFER)* sent = SSL_get0_peer_certificates(ssl_.get());
  const bool has_sent = sent != nullptr && sk_CRYPTO_BUFFER_num(sent) > 0;
  const bssl::UniquePtr<X509> certificate(has_sent ? X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(sent, 0))
                                                   : nullptr);
  if (!certificate && (has_sent || clients->needs_certificate())) {
    SSL_send_fatal_alert(ssl_.get(), SSL_AD_CERTIFICATE_REQUIRED);
    flush();
    refuse_client(ClientRefusal::kMissing);
    return false;
  }
  // A session that goes on brings no verdict: what its certificate is worth today is asked today.
  std::optional<ClientRefusal> why;
  if (certificate && !clients->needs_valid()) {
    if (const auto refused = clients->verify(*sent)) why = refused->why;
  }
  auto fields = tls::client_fields(clients->settings().headers, certificate.get(), why);
  if (!fields.empty()) client_fields_ = std::make_unique<std::vector<net::ClientField>>(std::move(fields));
  return true;
}

// In TLS 1.3 a client learns of this when it takes itself for connected and has sent its first request: to
// close on what is still to come would reset the connection, and the alert could be lost.
void TlsTransport::refuse_client(ClientRefusal why) {
  beginning_->counters.handshakes_failed.add();
  beginning_->counters.clients_refused[static_cast<std::size_t>(why)].add();
  state_ = State::kRefused;
  beginning_->place.reset();  // who only waits for the client to read the alert is in nobody's way
  input_.clear();
  if (is_input_ended_) return fail(what_of(why));
  beginning_->refused_for = what_of(why);
  beginning_->timer.set(loop_.timers(), kRefusedTime);
  stream_->shutdown_write();
}

std::span<const net::ClientField> TlsTransport::client_fields() const {
  return client_fields_ ? std::span<const net::ClientField>(*client_fields_)
                        : std::span<const net::ClientField>();
}

}  // namespace ingress::tls
