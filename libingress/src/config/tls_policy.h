// What a listener's settings of TLS come to, its preset included. Pure.
#pragma once

#include "ingress/listener.h"

namespace ingress::config {

inline TlsVersion min_version_of(const ListenerTls& tls) {
  return tls.min_version.value_or(tls.preset == TlsPreset::kModern ? TlsVersion::kTls13 : TlsVersion::kTls12);
}
inline TlsVersion max_version_of(const ListenerTls& tls) {
  return tls.max_version.value_or(TlsVersion::kTls13);
}
// Groups that TLS 1.2 does not have, and whose shares are so long that not every client sends them unasked.
inline bool is_hybrid(TlsGroup group) {
  return group == TlsGroup::kX25519MlKem768;
}

}  // namespace ingress::config
