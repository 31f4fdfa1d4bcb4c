// Which certificates answer which server name. All certificates of a name are offered, those with ECDSA keys
// first; the handshake takes the first that the client can use.
#pragma once

#include <tuple>

#include "tls/served_certificate.h"
#include "tls/server_name_table.h"

namespace ingress::tls {

// ECDSA signatures cost a tenth of RSA's, and who has both gave the second for old clients.
struct CertificateRank {
  auto operator()(const ServedCertificate& certificate) const {
    return std::tuple(certificate.key_type(), certificate.key());
  }
};
using CertTable = ServerNameTable<ServedCertificate, CertificateRank>;
using ServedCertificatePtr = CertTable::Pointer;

}  // namespace ingress::tls
