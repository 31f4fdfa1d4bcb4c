#include "tls/handshake.h"

#include <openssl/digest.h>

#include <cstdint>
#include <span>

#include "base/text.h"
#include "tls/boring.h"

namespace ingress::tls {
namespace {

Handshake& handshake_of(const SSL* ssl) {
  return *static_cast<Handshake*>(SSL_get_app_data(ssl));
}

ssl_select_cert_result_t on_client_hello(const SSL_CLIENT_HELLO* hello) {
  return handshake_of(hello->ssl).choose(*hello->ssl) ? ssl_select_cert_success : ssl_select_cert_error;
}

// RFC 6066 3. Asked after on_client_hello(), which cannot choose the alert.
int on_server_name(SSL* ssl, int* alert, void*) {
  if (handshake_of(ssl).has_choice()) return SSL_TLSEXT_ERR_OK;
  *alert = SSL_AD_UNRECOGNIZED_NAME;
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

void install_certificate_choice(ssl_ctx_st& context) {
  SSL_CTX_set_select_certificate_cb(&context, on_client_hello);
  SSL_CTX_set_tlsext_servername_callback(&context, on_server_name);
}

void Handshake::attach(ssl_st& ssl) {
  SSL_set_app_data(&ssl, this);
}

bool Handshake::choose(ssl_st& ssl) {
  const char* name = SSL_get_servername(&ssl, TLSEXT_NAMETYPE_host_name);
  if (name != nullptr) server_name_ = base::to_lower_ascii(name);
  const auto found =
      server_name_.empty() ? std::span<const ServedCertificatePtr>() : table_->find(server_name_);
  chosen_.assign(found.begin(), found.end());
  is_default_ = chosen_.empty();
  if (is_default_) {
    const std::string& default_name = context_->settings().default_certificate;
    const ServedCertificate* certificate = default_name.empty() ? nullptr : table_->find_named(default_name);
    if (certificate == nullptr) return true;  // on_server_name() refuses
    chosen_.emplace_back(certificate);
  }
  // A session may go on only where its certificates would be offered again (RFC 8446 4.6.1 leaves that to
  // us): one made for a host must not open another.
  std::string bound_to = context_->listener_name();
  for (const ServedCertificatePtr& certificate : chosen_) {
    if (!SSL_add1_credential(&ssl, certificate->credential())) return false;
    bound_to.append(1, '\0').append(certificate->key());
  }
  std::uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  return EVP_Digest(bound_to.data(), bound_to.size(), digest, &size, EVP_sha256(), nullptr) == 1 &&
         SSL_set_session_id_context(&ssl, digest, size) == 1;
}

}  // namespace ingress::tls
