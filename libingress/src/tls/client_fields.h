// What backends are told about a client's certificate: header fields, made once per connection.
#pragma once

#include <vector>

#include "ingress/client_certificates.h"
#include "net/transport.h"

struct x509_st;

namespace ingress::tls {

// In the order of ClientCertificateHeaders; those that have no name are left out, and without a certificate
// (null) all but `verified`. Values are visible ASCII and spaces, whatever the certificate holds.
std::vector<net::ClientField> client_fields(const ClientCertificateHeaders& headers,
                                            const x509_st* certificate);

}  // namespace ingress::tls
