// Versions, ciphers and groups of the typed model in BoringSSL's words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingress/listener.h"

namespace ingress::tls {

std::uint16_t to_wire(TlsVersion version);

// Of TLS 1.2, as SSL_set_strict_cipher_list() takes it.
std::string cipher_list(const ListenerTls& settings);

struct Groups {
  std::vector<std::uint16_t> ids;
  // In place of all for clients that sent no share of a hybrid one: which is worth no round trip more. Empty:
  // all are for everybody.
  std::vector<std::uint16_t> without_hybrid;
};
Groups groups_of(const ListenerTls& settings);

}  // namespace ingress::tls
