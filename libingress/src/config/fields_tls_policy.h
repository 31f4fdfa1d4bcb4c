// The fields of TLS policies; see config/fields.h.
#pragma once

#include "config/fields_common.h"
#include "config/fields_listener.h"
#include "ingress/tls_policy.h"

namespace ingress::config {

constexpr TypeInfo type_info(const TlsPolicy*) {
  return {"tls_policy",
          "How TLS listeners speak to clients that ask for some server names: in place of what the listener "
          "says, where set"};
}
template <class V>
void describe(V&& visit, const TlsPolicy*) {
  visit({"name", "unique among TLS policies", Presence::kRequired, 1, kMaxNameBytes}, &TlsPolicy::name);
  visit(
      {.name = "server_names",
       .doc = "one at least: `a.b` exactly, `*.a.b` one label more; lower case, each once. The most specific "
              "one counts, of policies that have the same the first by name",
       .presence = Presence::kRequired},
      &TlsPolicy::server_names);
  visit({"preset", "in place of all that the listener says of versions, ciphers and groups"},
        &TlsPolicy::preset);
  visit({"min_version", "the oldest version"}, &TlsPolicy::min_version);
  visit({"max_version", "the newest version, not older than `min_version`"}, &TlsPolicy::max_version);
  visit({.name = "tls12_ciphers", .doc = "of TLS 1.2, by preference", .max = 6}, &TlsPolicy::tls12_ciphers);
  visit({.name = "groups", .doc = "for the exchange of keys, by preference", .max = 5}, &TlsPolicy::groups);
  visit({"client_certificates", "which certificates clients are asked for"}, &TlsPolicy::client_certificates);
  visit({"origin", "where it comes from"}, &TlsPolicy::origin);
}

}  // namespace ingress::config
