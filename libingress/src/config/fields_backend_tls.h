// The fields of TLS to backends; see config/fields.h.
#pragma once

#include <array>

#include "config/fields_common.h"
#include "ingress/backend_tls.h"

namespace ingress::config {

constexpr std::array<EnumInfo<BackendVerification>, 2> enum_table(BackendVerification) {
  return {{{BackendVerification::kFull, "full", "chain, time, purpose and name of the certificate"},
           {BackendVerification::kNone, "none",
            "nothing: encrypted, but whoever stands in between can read and change it"}}};
}

constexpr TypeInfo type_info(const BackendTls*) {
  return {"backend_tls", "How endpoints are spoken to over TLS: whom we believe them to be, and who we are"};
}
template <class V>
void describe(V&& visit, const BackendTls*) {
  visit({.name = "server_name",
         .doc = "host name that is asked for (SNI) and that the certificate has to prove, or an IP address, "
                "for which no SNI is sent; empty: the endpoint's address",
         .max = 253},
        &BackendTls::server_name);
  visit({.name = "ca_bundle",
         .doc = "PEM: certificates that are trusted, and what they have issued; empty: the system's roots",
         .max = 1024 * 1024},
        &BackendTls::ca_bundle);
  visit({.name = "allowed_names",
         .doc = "host names, IP addresses and URIs, of which the certificate has to prove one; then "
                "`server_name` is only asked for; none: it has to be proven",
         .max = kMaxAllowedNames},
        &BackendTls::allowed_names);
  visit({.name = "client_certificate",
         .doc = "PEM: shown to backends that ask for one, each one's issuer behind it; with `client_key`",
         .max = 256 * 1024},
        &BackendTls::client_certificate);
  visit({.name = "client_key",
         .doc = "PEM: its private key (PKCS #8, EC or RSA), not encrypted; written as `(redacted)`, which is "
                "refused when read",
         .max = 64 * 1024},
        &BackendTls::client_key);
  visit({"min_version", "the oldest version"}, &BackendTls::min_version);
  visit({"max_version", "the newest version; not older than `min_version`"}, &BackendTls::max_version);
  visit({"verification", "what of the backend's certificate is checked"}, &BackendTls::verification);
}

}  // namespace ingress::config
