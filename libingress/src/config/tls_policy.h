// What the settings of TLS of a listener or a policy come to, presets included. Pure.
#pragma once

#include "ingress/listener.h"
#include "ingress/tls_policy.h"

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

// What a policy says by itself.
inline ListenerTls settings_of(const TlsPolicy& policy) {
  return {.preset = policy.preset.value_or(TlsPreset::kIntermediate),
          .min_version = policy.min_version,
          .max_version = policy.max_version,
          .tls12_ciphers = policy.tls12_ciphers,
          .groups = policy.groups,
          .client_certificates = policy.client_certificates};
}
// What clients of `listener` under `policy` get. One that speaks of versions sets both bounds where it names
// a preset, else those that it names.
inline TlsVersion min_version_of(const ListenerTls& listener, const TlsPolicy& policy) {
  return policy.preset || policy.min_version ? min_version_of(settings_of(policy)) : min_version_of(listener);
}
inline TlsVersion max_version_of(const ListenerTls& listener, const TlsPolicy& policy) {
  return policy.preset || policy.max_version ? max_version_of(settings_of(policy)) : max_version_of(listener);
}

}  // namespace ingress::config
