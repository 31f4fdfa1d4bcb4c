// Handshakes with client certificates: authorities, and clients that show what they issued.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tls/test_identity.h"
#include "tls/tls_fixture.h"

namespace ingress::tls {

using test::Identity;
using test::IdentityRecipe;
using test::Use;

// Shows `identity` and what stands behind it, or nothing.
inline ClientRecipe client_with(const Identity* identity, std::vector<const Identity*> others = {},
                                std::uint16_t version = TLS1_3_VERSION) {
  return {.min_version = version, .max_version = version, .prepare = [identity, others](SSL* ssl) {
            if (identity == nullptr) return;
            REQUIRE(SSL_use_certificate(ssl, identity->x509()) == 1);
            REQUIRE(SSL_use_PrivateKey(ssl, identity->key()) == 1);
            for (const Identity* other : others) REQUIRE(SSL_add1_chain_cert(ssl, other->x509()) == 1);
          }};
}

inline ListenerTls asking(ClientCertificates certificates) {
  return {.client_certificates = std::move(certificates)};
}

inline std::uint64_t refusals(const Server& server, ClientRefusal why) {
  return server.counters.clients_refused[static_cast<std::size_t>(why)].get();
}

}  // namespace ingress::tls
