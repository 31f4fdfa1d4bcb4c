#include "tls/client_handshake.h"

#include <algorithm>
#include <ctime>
#include <limits>
#include <utility>

#include "base/text.h"
#include "tls/boring.h"

namespace ingress::tls {
namespace {

// A name in the subject proves nothing (RFC 9525 2).
constexpr unsigned kNameFlags = X509_CHECK_FLAG_NEVER_CHECK_SUBJECT;

ClientHandshake& handshake_of(const SSL* ssl) {
  return *static_cast<ClientHandshake*>(SSL_get_app_data(ssl));
}

ClientTlsFailure to_failure(int verify_error) {
  switch (verify_error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ClientTlsFailure::kExpired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ClientTlsFailure::kNotYetValid;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return ClientTlsFailure::kNameMismatch;
    case X509_V_ERR_APPLICATION_VERIFICATION:
      return ClientTlsFailure::kSanMismatch;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return ClientTlsFailure::kUnknownCa;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return ClientTlsFailure::kSelfSigned;
    default:
      return ClientTlsFailure::kBadCertificate;
  }
}

bool has_uri(const GENERAL_NAMES& names, std::string_view uri) {
  for (std::size_t i = 0; i < sk_GENERAL_NAME_num(&names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(&names, i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
    if (std::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                         static_cast<std::size_t>(ASN1_STRING_length(text))) == uri)
      return true;
  }
  return false;
}

// When the first certificate of a verified chain expires; 0 where that cannot be read.
std::int64_t first_end_of(X509_STORE_CTX& chain) {
  const STACK_OF(X509)* certificates = X509_STORE_CTX_get0_chain(&chain);
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < sk_X509_num(certificates); ++i) {
    std::int64_t end = 0;
    if (!ASN1_TIME_to_posix(X509_get0_notAfter(sk_X509_value(certificates, i)), &end)) return 0;
    first = std::min(first, end);
  }
  return first;
}

int verify_chain(X509_STORE_CTX* chain, void*) {
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return handshake_of(ssl).verify(*chain) ? 1 : 0;
}

int on_new_session(SSL* ssl, SSL_SESSION* session) {
  handshake_of(ssl).keep(session);
  return 1;  // it is ours
}

// Called by a client when the server has asked for a certificate.
int on_certificate_request(SSL* ssl, void*) {
  handshake_of(ssl).note_asked_for_certificate();
  return 1;
}

}  // namespace

const char* to_string(ClientTlsFailure failure) {
  switch (failure) {
    case ClientTlsFailure::kExpired:
      return "expired";
    case ClientTlsFailure::kNotYetValid:
      return "not_yet_valid";
    case ClientTlsFailure::kNameMismatch:
      return "name_mismatch";
    case ClientTlsFailure::kSanMismatch:
      return "san_mismatch";
    case ClientTlsFailure::kUnknownCa:
      return "unknown_ca";
    case ClientTlsFailure::kSelfSigned:
      return "self_signed";
    case ClientTlsFailure::kBadCertificate:
      return "bad_certificate";
    case ClientTlsFailure::kClientCertificate:
      return "client_certificate";
    case ClientTlsFailure::kVersion:
      return "version";
    case ClientTlsFailure::kNotTls:
      return "not_tls";
    case ClientTlsFailure::kHandshake:
      return "handshake";
    case ClientTlsFailure::kClosed:
      return "closed";
    case ClientTlsFailure::kTimeout:
      return "timeout";
  }
  return "handshake";
}

Error to_error(ClientTlsFailure failure) {
  const bool is_of_certificate = failure <= ClientTlsFailure::kClientCertificate;
  return {.code = ErrorCode::kUpstreamTls,
          .side = ErrorSide::kUpstream,
          .retry = is_of_certificate ? RetrySafety::kNotSafe : RetrySafety::kSafe,
          .what = to_string(failure),
          .detail = {}};
}

void install_client_handshake(ssl_ctx_st& context) {
  SSL_CTX_set_cert_verify_callback(&context, verify_chain, nullptr);
  SSL_CTX_set_cert_cb(&context, on_certificate_request, nullptr);
  SSL_CTX_sess_set_new_cb(&context, on_new_session);
}

ClientHandshake::ClientHandshake(ClientTls tls, ClientTlsCounters& counters)
    : tls_(std::move(tls)),
      counters_(counters),
      name_(settings().server_name.empty() ? tls_.address : settings().server_name) {
  if (name_.ends_with('.')) name_.pop_back();  // RFC 6066 3
  if (tls_.sessions)
    session_key_ = tls_.context->identity() + tls_.address + '\0' + std::to_string(tls_.port);
}

bool ClientHandshake::attach(ssl_st& ssl) {
  SSL_set_app_data(&ssl, this);
  if (!base::is_ip_address(name_) && SSL_set_tlsext_host_name(&ssl, name_.c_str()) != 1) return false;
  const std::string_view protocols = tls_.protocols;
  if (SSL_set_alpn_protos(&ssl, reinterpret_cast<const std::uint8_t*>(protocols.data()), protocols.size()) !=
      0) {  // 0 is success
    return false;
  }
  SSL_SESSION* const session = tls_.sessions ? tls_.sessions->find(session_key_) : nullptr;
  return session == nullptr || SSL_set_session(&ssl, session) == 1;
}

void ClientHandshake::on_done(const ssl_st& ssl) {
  counters_.handshakes.add();
  if (SSL_session_reused(&ssl)) counters_.handshakes_resumed.add();
}

// In front of the sessions: one that is resumed was verified here, by the same policy.
bool ClientHandshake::verify(x509_store_ctx_st& chain) {
  if (settings().verification == BackendVerification::kNone) return true;
  const bool has_own_names = !settings().allowed_names.empty();
  X509_VERIFY_PARAM* const rules = X509_STORE_CTX_get0_param(&chain);
  X509_VERIFY_PARAM_set_hostflags(rules, kNameFlags);
  const bool is_set =
      has_own_names ||
      (base::is_ip_address(name_) ? X509_VERIFY_PARAM_set1_ip_asc(rules, name_.c_str()) == 1
                                  : X509_VERIFY_PARAM_set1_host(rules, name_.data(), name_.size()) == 1);
  bool is_proven = is_set && X509_verify_cert(&chain) == 1;
  if (is_proven && has_own_names && !proves_allowed_name(X509_STORE_CTX_get0_cert(&chain))) {
    X509_STORE_CTX_set_error(&chain, X509_V_ERR_APPLICATION_VERIFICATION);
    is_proven = false;
  }
  if (is_proven) {
    valid_to_ = first_end_of(chain);
  } else {
    unproven_ = to_failure(X509_STORE_CTX_get_error(&chain));
  }
  return is_proven;
}

bool ClientHandshake::proves_allowed_name(const X509* leaf) const {
  const bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
  return std::ranges::any_of(settings().allowed_names, [&](const std::string& name) {
    if (base::is_ip_address(name)) return X509_check_ip_asc(leaf, name.c_str(), 0) == 1;
    if (name.find(':') != name.npos) return names && has_uri(*names, name);
    return X509_check_host(leaf, name.data(), name.size(), kNameFlags, nullptr) == 1;
  });
}

// Never for longer than the certificates that were verified are valid.
void ClientHandshake::keep(ssl_session_st* session) {
  SessionPtr owned(session);
  if (!tls_.sessions) return;
  const std::int64_t left = valid_to_ - static_cast<std::int64_t>(std::time(nullptr));
  if (left <= 0) return;
  // Of what was resumed nothing was verified: the limit of the session that it came from goes on with it.
  const std::int64_t limit = SSL_SESSION_get_timeout(session);
  SSL_SESSION_set_timeout(session, static_cast<std::uint32_t>(std::min(left, limit)));
  tls_.sessions->put(session_key_, std::move(owned));
}

// Alerts by which a server refuses a client's certificate, or the lack of one (RFC 8446 6.2).
bool ClientHandshake::is_refusal(std::uint32_t reason) const {
  if (!is_certificate_wanted_ || ERR_GET_LIB(reason) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(reason)) {
    case SSL_R_TLSV1_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return true;
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:  // TLS 1.2 has no alert for a missing one
      return settings().client_certificate.empty();
    default:
      return false;
  }
}

ClientTlsFailure ClientHandshake::failure_of(std::uint32_t reason, Stream stream) const {
  if (unproven_) return *unproven_;
  if (is_refusal(reason)) return ClientTlsFailure::kClientCertificate;
  if (stream == Stream::kEnded) return ClientTlsFailure::kClosed;
  if (ERR_GET_LIB(reason) != ERR_LIB_SSL) return ClientTlsFailure::kHandshake;
  switch (ERR_GET_REASON(reason)) {
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return ClientTlsFailure::kVersion;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return ClientTlsFailure::kNotTls;
    case SSL_R_CANNOT_PARSE_LEAF_CERT:
    case SSL_R_KEY_USAGE_BIT_INCORRECT:
    case SSL_R_WRONG_CERTIFICATE_TYPE:
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
      return ClientTlsFailure::kBadCertificate;
    default:
      return ClientTlsFailure::kHandshake;
  }
}

Error ClientHandshake::on_failed(std::uint32_t reason, Stream stream) {
  const ClientTlsFailure failure = failure_of(reason, stream);
  counters_.count(failure);
  // The next one does not stumble over the same session, should that have been it.
  if (tls_.sessions) tls_.sessions->remove(session_key_);
  return to_error(failure);
}

std::optional<Error> ClientHandshake::on_refused(std::uint32_t reason) {
  if (!is_refusal(reason)) return std::nullopt;
  counters_.count(ClientTlsFailure::kClientCertificate);
  if (tls_.sessions) tls_.sessions->remove(session_key_);
  return to_error(ClientTlsFailure::kClientCertificate);
}

}  // namespace ingress::tls
