#include "tls/server_context.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <span>
#include <string_view>
#include <utility>

#include "config/fields_listener.h"
#include "config/tls_policy.h"
#include "tls/boring.h"
#include "tls/handshake.h"

namespace ingress::tls {
namespace {

// Forward secret AEADs only. Those with AES come first where the processor has it, else ChaCha20: BoringSSL
// decides that within the brackets. TLS 1.3's are fixed.
constexpr const char* kTls12Ciphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
constexpr std::array kGroups = {TlsGroup::kX25519MlKem768, TlsGroup::kX25519, TlsGroup::kP256,
                                TlsGroup::kP384};

// BoringSSL takes the names that IANA registered, and these are all names of our own table.
std::string cipher_list(const ListenerTls& settings) {
  if (settings.tls12_ciphers.empty()) return kTls12Ciphers;
  std::string list;
  for (const Tls12Cipher cipher : settings.tls12_ciphers) {
    for (const auto& row : config::enum_table(cipher)) {
      if (row.value == cipher) list.append(list.empty() ? "" : ":").append(row.name);
    }
  }
  return list;
}

std::uint16_t to_wire(TlsGroup group) {
  switch (group) {
    case TlsGroup::kX25519MlKem768:
      return SSL_GROUP_X25519_MLKEM768;
    case TlsGroup::kX25519:
      return SSL_GROUP_X25519;
    case TlsGroup::kP256:
      return SSL_GROUP_SECP256R1;
    case TlsGroup::kP384:
      return SSL_GROUP_SECP384R1;
    case TlsGroup::kP521:
      return SSL_GROUP_SECP521R1;
  }
  return 0;  // BoringSSL refuses it
}

std::uint16_t to_wire(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// RFC 7301 3.2: what a client offers and we do not speak ends the handshake. `protocols`: ours, best first.
int select_alpn(SSL*, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
                unsigned offered_size, void* protocols) {
  const std::string_view& ours = *static_cast<const std::string_view*>(protocols);
  std::uint8_t* selected = nullptr;
  if (SSL_select_next_proto(&selected, out_size, reinterpret_cast<const std::uint8_t*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

// As they stand in the extension: each behind its length.
std::string_view& protocols_of(Http2Mode http2) {
  static std::string_view both("\x02h2\x08http/1.1", 12);
  static std::string_view http1("\x08http/1.1", 9);
  return http2 == Http2Mode::kOn ? both : http1;
}

// A ServerContext outlives its handshakes, in which alone tickets are made and read.
const ServerContext& context_of(SSL* ssl) {
  return *static_cast<const ServerContext*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

// A full handshake is always a way to go on, so that only what is beyond doubt resumes.
bool may_resume(SSL* ssl, std::span<const std::uint8_t> session) {
  const ClientVerifier* clients = context_of(ssl).clients();
  if (clients == nullptr) return true;
  const bssl::UniquePtr<SSL_SESSION> parsed(
      SSL_SESSION_from_bytes(session.data(), session.size(), SSL_get_SSL_CTX(ssl)));
  return parsed && clients->may_resume(*parsed, std::time(nullptr));
}

constexpr SSL_TICKET_AEAD_METHOD kTicketMethod = {
    .max_overhead = [](SSL*) { return TicketKeys::kOverheadBytes; },
    .seal =
        [](SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t max_size, const std::uint8_t* in,
           std::size_t in_size) {
          const auto size = context_of(ssl).tickets().seal({in, in_size}, {out, max_size});
          *out_size = size.value_or(0);
          return size ? 1 : 0;
        },
    .open =
        [](SSL* ssl, std::uint8_t* out, std::size_t* out_size, std::size_t max_size, const std::uint8_t* in,
           std::size_t in_size) {
          const auto size = context_of(ssl).tickets().open({in, in_size}, {out, max_size});
          *out_size = size.value_or(0);
          const bool is_usable = size && may_resume(ssl, {out, *size});
          ERR_clear_error();  // that somebody changed a ticket is no error of the handshake
          return is_usable ? ssl_ticket_aead_success : ssl_ticket_aead_ignore_ticket;
        }};

}  // namespace

bool ServerContext::set_groups() {
  std::vector<TlsGroup> groups = settings_.groups;
  if (groups.empty()) groups.assign(kGroups.begin(), kGroups.end());
  std::vector<std::uint16_t> ids;
  for (const TlsGroup group : groups) {
    ids.push_back(to_wire(group));
    if (!config::is_hybrid(group)) groups_without_hybrid_.push_back(ids.back());
  }
  if (groups_without_hybrid_.size() == ids.size()) groups_without_hybrid_.clear();
  return SSL_CTX_set1_group_ids(context_.get(), ids.data(), ids.size()) == 1;
}

void ServerContext::FreeContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

std::expected<std::shared_ptr<const ServerContext>, Error> ServerContext::create(
    const ListenerTls& settings, Http2Mode http2, std::string listener_name,
    std::shared_ptr<TicketKeys> tickets, std::shared_ptr<const ClientVerifier> clients) {
  const ErrorScope errors;
  std::shared_ptr<ServerContext> made(new ServerContext());
  made->settings_ = settings;
  made->listener_name_ = std::move(listener_name);
  made->tickets_ = std::move(tickets);
  made->clients_ = std::move(clients);
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr ||
      !SSL_CTX_set_min_proto_version(context, to_wire(config::min_version_of(settings))) ||
      !SSL_CTX_set_max_proto_version(context, to_wire(config::max_version_of(settings))) ||
      !SSL_CTX_set_strict_cipher_list(context, cipher_list(settings).c_str()) || !made->set_groups()) {
    return std::unexpected(Error{.code = ErrorCode::kInternal,
                                 .what = "tls_context",
                                 .detail = made->listener_name_ + ": " + ErrorScope::reason()});
  }
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_RENEGOTIATION);
  // Tickets alone resume: they need no memory here, and any worker can read them.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_app_data(context, made.get());
  SSL_CTX_set_ticket_aead_method(context, &kTicketMethod);
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_alpn_select_cb(context, select_alpn, &protocols_of(http2));
  install_certificate_choice(*context);
  if (made->clients_) install_client_verification(*context, *made->clients_);
  return made;
}

}  // namespace ingress::tls
