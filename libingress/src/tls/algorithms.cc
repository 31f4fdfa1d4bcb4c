#include "tls/algorithms.h"

#include <algorithm>
#include <array>

#include "config/fields_listener.h"
#include "config/tls_policy.h"
#include "tls/boring.h"

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

}  // namespace

std::uint16_t to_wire(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

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

Groups groups_of(const ListenerTls& settings) {
  std::vector<TlsGroup> values = settings.groups;
  if (values.empty()) values.assign(kGroups.begin(), kGroups.end());
  Groups groups;
  for (const TlsGroup value : values) {
    groups.ids.push_back(to_wire(value));
    if (!config::is_hybrid(value)) groups.without_hybrid.push_back(groups.ids.back());
  }
  if (groups.without_hybrid.size() == groups.ids.size()) groups.without_hybrid.clear();
  return groups;
}

}  // namespace ingress::tls
