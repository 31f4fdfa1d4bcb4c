#include "bench/proxy/tls_client.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "bench/proxy/sockets.h"

namespace bench {
namespace {

constexpr std::uint8_t kAlpn[] = "\x08http/1.1";

// -1 with errno as a socket has it; 0 at the end.
long to_result(SSL& tls, int result) {
  if (result > 0) return result;
  switch (SSL_get_error(&tls, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      errno = EAGAIN;
      return -1;
    case SSL_ERROR_ZERO_RETURN:
      return 0;
    case SSL_ERROR_SYSCALL:
      return result == 0 || errno == 0 ? 0 : -1;
    default:
      errno = EPROTO;
      return -1;
  }
}

}  // namespace

TlsClient::TlsClient(const LoadOptions& options) : context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX* context = context_.get();
  if (!SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
      !SSL_CTX_set1_groups_list(context, options.tls_group.c_str()) ||
      SSL_CTX_set_alpn_protos(context, kAlpn, sizeof kAlpn - 1) != 0)
    die("TLS: no such group");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(context, this);
  SSL_CTX_sess_set_new_cb(context, [](SSL* tls, SSL_SESSION* session) {
    auto* const self = static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
    if (self->session_ != nullptr || SSL_get_app_data(tls) == nullptr) return 0;
    self->session_.reset(session);
    return 1;
  });
}

void TlsClient::fetch_session(const LoadOptions& options, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* target = reinterpret_cast<const sockaddr*>(&options.target);
  const timeval patience{.tv_sec = 5, .tv_usec = 0};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      connect(fd, target, sizeof options.target) != 0)
    die("connect for a session");
  const TlsConnection tls = open(fd);
  SSL_set_app_data(tls.get(), this);
  if (tls_send(*tls, request.data(), request.size()) != static_cast<long>(request.size()))
    die("TLS: no session");
  char bytes[4096];
  while (session_ == nullptr && tls_receive(*tls, bytes, sizeof bytes) > 0) continue;
  if (session_ == nullptr) die("TLS: no session");
  close(fd);
}

TlsConnection TlsClient::open(int fd) const {
  TlsConnection tls(SSL_new(context_.get()));
  if (!tls || !SSL_set_fd(tls.get(), fd) || !SSL_set_tlsext_host_name(tls.get(), "h0000000.bench.example"))
    die("TLS connection");
  SSL_set_connect_state(tls.get());
  if (session_ != nullptr) SSL_set_session(tls.get(), session_.get());
  return tls;
}

long tls_send(SSL& tls, const char* bytes, std::size_t size) {
  ERR_clear_error();
  return to_result(tls, SSL_write(&tls, bytes, static_cast<int>(size)));
}

long tls_receive(SSL& tls, char* bytes, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  return to_result(tls, SSL_read(&tls, bytes, static_cast<int>(size)));
}

HandshakeState tls_shake_hands(SSL& tls) {
  ERR_clear_error();
  errno = 0;
  if (to_result(tls, SSL_do_handshake(&tls)) > 0) return HandshakeState::kDone;
  return errno == EAGAIN ? HandshakeState::kWaiting : HandshakeState::kFailed;
}

std::string tls_facts(const SSL& tls) {
  const char* group = SSL_get_group_name(SSL_get_group_id(&tls));
  return std::string(SSL_get_version(&tls)) + ' ' + (group == nullptr ? "" : group) + ' ' +
         SSL_CIPHER_standard_name(SSL_get_current_cipher(&tls)) +
         (SSL_session_reused(&tls) ? " resumed" : "");
}

}  // namespace bench
