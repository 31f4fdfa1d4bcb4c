// What backends are told about a client's certificate: header fields, made once per connection.
#pragma once

#include <optional>
#include <vector>

#include "ingress/client_certificates.h"
#include "net/transport.h"
#include "tls/client_verifier.h"

struct x509_st;

namespace ingress::tls {

// In the order of ClientCertificateHeaders; those that have no name are left out, and without a certificate
// (null) all but `verified`. Values are visible ASCII and spaces, whatever the certificate holds. `refusal`:
// why it would not let its client in, where that counts.
std::vector<net::ClientField> client_fields(const ClientCertificateHeaders& headers,
                                            const x509_st* certificate,
                                            std::optional<ClientRefusal> refusal = {});

}  // namespace ingress::tls
