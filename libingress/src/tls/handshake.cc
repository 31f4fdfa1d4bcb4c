#include "tls/handshake.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/text.h"
#include "tls/boring.h"

namespace ingress::tls {
namespace {

// Whether the client sent a key share for `group` (RFC 8446 4.2.8), and not only its name.
bool has_key_share(const SSL_CLIENT_HELLO& hello, std::uint16_t group) {
  const std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!SSL_early_callback_ctx_extension_get(&hello, TLSEXT_TYPE_key_share, &bytes, &size)) return false;
  CBS extension, shares;
  CBS_init(&extension, bytes, size);
  if (!CBS_get_u16_length_prefixed(&extension, &shares)) return false;
  while (CBS_len(&shares) > 0) {
    std::uint16_t offered = 0;
    CBS share;
    if (!CBS_get_u16(&shares, &offered) || !CBS_get_u16_length_prefixed(&shares, &share)) return false;
    if (offered == group) return true;
  }
  return false;
}

bool refuses_everybody(const ClientVerifier* clients) {
  return clients != nullptr && clients->settings().mode == ClientCertificateMode::kRefuse;
}

ssl_select_cert_result_t on_client_hello(const SSL_CLIENT_HELLO* hello) {
  return Handshake::of(*hello->ssl).answer(*hello) ? ssl_select_cert_success : ssl_select_cert_error;
}

// RFC 6066 3. Asked after on_client_hello(), which cannot choose the alert.
int on_server_name(SSL* ssl, int* alert, void*) {
  if (Handshake::of(*ssl).has_choice()) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

// Full handshakes only, and only when the client sent a certificate.
ssl_verify_result_t on_client_certificate(SSL* ssl, std::uint8_t* alert) {
  Handshake& handshake = Handshake::of(*ssl);
  const STACK_OF(CRYPTO_BUFFER)* sent = SSL_get0_peer_certificates(ssl);
  if (sent == nullptr || handshake.clients() == nullptr) return ssl_verify_invalid;
  if (!handshake.clients()->needs_valid()) return ssl_verify_ok;  // what it is worth is told to backends
  const auto refused = handshake.clients()->verify(*sent);
  if (!refused) return ssl_verify_ok;
  handshake.refuse_client(refused->why);
  *alert = refused->alert;
  return ssl_verify_invalid;
}

int verify_mode(const ClientVerifier& clients) {
  return SSL_VERIFY_PEER | (clients.needs_certificate() ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

// Of the authorities, for clients to choose a certificate by.
bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> told_names(const ClientVerifier& clients) {
  bssl::UniquePtr<STACK_OF(CRYPTO_BUFFER)> names(sk_CRYPTO_BUFFER_new_null());
  if (!clients.trust()) return names;
  for (const std::vector<std::uint8_t>& name : clients.trust()->told_names()) {
    bssl::UniquePtr<CRYPTO_BUFFER> bytes(CRYPTO_BUFFER_new(name.data(), name.size(), nullptr));
    if (names && bytes) bssl::PushToStack(names.get(), std::move(bytes));
  }
  return names;
}

}  // namespace

void install_handshake(ssl_ctx_st& context, const ClientVerifier* clients) {
  SSL_CTX_set_select_certificate_cb(&context, on_client_hello);
  SSL_CTX_set_tlsext_servername_callback(&context, on_server_name);
  if (clients == nullptr) return;
  SSL_CTX_set_custom_verify(&context, verify_mode(*clients), on_client_certificate);
  SSL_CTX_set_max_cert_list(&context, ClientVerifier::kMaxSentBytes);
  SSL_CTX_set0_client_CAs(&context, told_names(*clients).release());
}

Handshake& Handshake::of(const ssl_st& ssl) {
  return *static_cast<Handshake*>(SSL_get_app_data(&ssl));
}

void Handshake::attach(ssl_st& ssl) {
  SSL_set_app_data(&ssl, this);
}

// Before BoringSSL looks at anything else in the hello, so that all of it can still be decided.
bool Handshake::answer(const ssl_early_callback_ctx& hello) {
  const char* name = SSL_get_servername(hello.ssl, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) server_name_ = base::to_lower_ascii(name);
  if (policies_ && !server_name_.empty()) policy_ = HostPolicyPtr(find_policy(*policies_, server_name_));
  if (refuses_everybody(clients())) {
    refuse_client(ClientRefusal::kNobody);
    return false;
  }
  return (!policy_ || apply_policy(*hello.ssl)) && set_groups(hello) && choose(*hello.ssl);
}

bool Handshake::apply_policy(ssl_st& ssl) const {
  if (!policy_->apply(ssl)) return false;
  if (!policy_->decides_on_clients()) return true;
  const ClientVerifier* clients = policy_->clients();
  if (clients == nullptr) {
    SSL_set_custom_verify(&ssl, SSL_VERIFY_NONE, nullptr);
    return true;
  }
  SSL_set_custom_verify(&ssl, verify_mode(*clients), on_client_certificate);
  SSL_set_max_cert_list(&ssl, ClientVerifier::kMaxSentBytes);
  SSL_set0_client_CAs(&ssl, told_names(*clients).release());
  return true;
}

// A hybrid group is worth no round trip more, which is what asking for its share would cost.
bool Handshake::set_groups(const ssl_early_callback_ctx& hello) const {
  const Groups* own = policy_ ? policy_->groups() : nullptr;
  const Groups& groups = own != nullptr ? *own : context_->groups();
  const bool is_for_all = groups.without_hybrid.empty() || has_key_share(hello, SSL_GROUP_X25519_MLKEM768);
  if (is_for_all && own == nullptr) return true;  // as the context has them
  const std::vector<std::uint16_t>& ids = is_for_all ? groups.ids : groups.without_hybrid;
  return SSL_set1_group_ids(hello.ssl, ids.data(), ids.size()) == 1;
}

std::vector<std::shared_ptr<const CertificateNames>> Handshake::names() const {
  std::vector<std::shared_ptr<const CertificateNames>> names;
  for (const ServedCertificatePtr& certificate : chosen_) names.push_back(certificate->names());
  return names;
}

bool Handshake::choose(ssl_st& ssl) {
  const auto found =
      server_name_.empty() ? std::span<const ServedCertificatePtr>() : table_->find(server_name_);
  const auto offered = found.first(std::min(found.size(), kMaxOffered));
  chosen_.assign(offered.begin(), offered.end());
  const std::string& default_name = context_->settings().default_certificate;
  if (chosen_.empty()) {
    const ServedCertificate* certificate = default_name.empty() ? nullptr : table_->find_named(default_name);
    if (certificate == nullptr) return true;  // on_server_name() refuses
    chosen_.emplace_back(certificate);
  }
  is_default_ = std::ranges::any_of(
      chosen_, [&](const ServedCertificatePtr& certificate) { return certificate->key() == default_name; });
  // A session may go on only where its certificates would be offered again, under the same policy (RFC 8446
  // 4.6.1 leaves that to us): one made for a host must not open another.
  std::string bound_to = context_->listener_name() + '\0';
  for (const ServedCertificatePtr& certificate : chosen_) {
    const ssl_credential_st* credential = certificate->credential();
    // What has expired since it was verified is not shown.
    if (certificate->has_ocsp_response())
      credential = certificate->credential_at(std::chrono::system_clock::now());
    if (!SSL_add1_credential(&ssl, credential)) return false;
    bound_to += certificate->fingerprint();
  }
  if (clients() != nullptr) bound_to += clients()->digest();
  if (policy_) bound_to += policy_->digest();
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  return EVP_Digest(bound_to.data(), bound_to.size(), digest, &size, EVP_sha256(), nullptr) == 1 &&
         SSL_set_session_id_context(&ssl, digest, size) == 1;
}

}  // namespace ingress::tls
