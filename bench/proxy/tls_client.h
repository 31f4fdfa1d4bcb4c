// The load generator's side of TLS: version 1.3 and one group, so that all proxies do the same work. Nobody's
// certificate is verified: that would be the work of the client.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <string>

#include "bench/proxy/load_options.h"

namespace bench {

using TlsConnection = bssl::UniquePtr<SSL>;

// What all connections have in common.
class TlsClient {
 public:
  // Ends the program when the options name no group.
  explicit TlsClient(const LoadOptions& options);

  // Asks once on a connection of its own; the session that comes with the answer is what later handshakes go
  // on with. Ends the program when there is none.
  void fetch_session(const LoadOptions& options, const std::string& request);

  // TLS over a socket, with nothing said yet.
  TlsConnection open(int fd) const;
  bool has_session() const { return session_ != nullptr; }

 private:
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL_SESSION> session_;
};

// As send() and recv() of a socket that does not block; both go on with the handshake.
long tls_send(SSL& tls, const char* bytes, std::size_t size);
long tls_receive(SSL& tls, char* bytes, std::size_t size);

enum class HandshakeState { kWaiting, kDone, kFailed };
HandshakeState tls_shake_hands(SSL& tls);

// What was agreed on: version, group, cipher, and whether a session went on.
std::string tls_facts(const SSL& tls);

}  // namespace bench
