// The fields of certificates; see config/fields.h.
#pragma once

#include "config/fields_common.h"
#include "ingress/certificate.h"

namespace ingress::config {

// 64 KB in base64, folded or not.
inline constexpr std::int64_t kMaxOcspTextBytes = 96 * 1024;

constexpr TypeInfo type_info(const Certificate*) {
  return {"certificate", "What TLS listeners show to clients, for the server names that those ask for"};
}
template <class V>
void describe(V&& visit, const Certificate*) {
  visit({"name", "unique among certificates", Presence::kRequired, 1, kMaxNameBytes}, &Certificate::name);
  visit({.name = "server_names",
         .doc = "`a.b` exactly, `*.a.b` one label more; lower case, each once; none = only where a listener "
                "names it as its default",
         .max = kMaxServerNames},
        &Certificate::server_names);
  visit({"chain", "PEM: the server's own certificate first, then each one's issuer", Presence::kRequired, 1,
         256 * 1024},
        &Certificate::chain);
  visit({"key",
         "PEM: the private key of the first certificate (PKCS #8, EC or RSA), not encrypted; written as "
         "`(redacted)`, which is refused when read",
         Presence::kRequired, 1, 64 * 1024},
        &Certificate::key);
  visit({.name = "ocsp_response",
         .doc = "what its issuer says of it (RFC 6960), DER in base64: sent to clients that ask while it is "
                "valid; one that is not is a warning",
         .max = kMaxOcspTextBytes},
        &Certificate::ocsp_response);
  visit({"origin", "where it comes from"}, &Certificate::origin);
}

}  // namespace ingress::config
