#include "tls/server_context.h"

#include <ctime>
#include <span>
#include <string_view>
#include <utility>

#include "config/tls_policy.h"
#include "tls/boring.h"
#include "tls/handshake.h"

namespace ingress::tls {
namespace {

// RFC 7301 3.2: what a client offers and we do not speak ends the handshake. `protocols`: ours, best first.
int select_alpn(SSL* ssl, const std::uint8_t** out, std::uint8_t* out_size, const std::uint8_t* offered,
                unsigned offered_size, void* protocols) {
  if (Handshake::of(*ssl).protocols() == Protocols::kNone) return SSL_TLSEXT_ERR_NOACK;
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
  const ClientVerifier* clients = Handshake::of(*ssl).clients();
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
  made->groups_ = groups_of(settings);
  made->context_.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr ||
      !SSL_CTX_set_min_proto_version(context, to_wire(config::min_version_of(settings))) ||
      !SSL_CTX_set_max_proto_version(context, to_wire(config::max_version_of(settings))) ||
      !SSL_CTX_set_strict_cipher_list(context, cipher_list(settings).c_str()) ||
      !SSL_CTX_set1_group_ids(context, made->groups_.ids.data(), made->groups_.ids.size())) {
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
  install_handshake(*context, made->clients_.get());
  return made;
}

}  // namespace ingress::tls
