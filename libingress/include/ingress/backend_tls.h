// How a cluster's endpoints are spoken to over TLS: whom we believe them to be, and who we are. Part of the
// typed model (IR): plain values, compared with ==.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingress/certificate.h"
#include "ingress/export.h"
#include "ingress/listener.h"

namespace ingress {

struct Cluster;

enum class BackendVerification : std::uint8_t {
  kFull,  // chain, time, purpose and name
  kNone,  // whoever answers is believed: encrypted, but against nobody who can stand in between
};

// Two clusters, or two versions of one, share a connection or a session only when all of this is equal.
struct BackendTls {
  // The name that is asked for (SNI, RFC 6066 3) and that the certificate has to prove (RFC 6125 6.4): a host
  // name, or an IP address, for which no SNI is sent. Empty: the endpoint's address as configured.
  std::string server_name = {};
  // PEM: certificates that are trusted, and with them what they have issued. Empty: the roots that the system
  // trusts, as they were when the process first needed them.
  std::string ca_bundle = {};
  // Of these the certificate has to prove one, and server_name is only asked for: host names, IP addresses,
  // and URIs ("spiffe://example.org/cart"), compared as a whole. None: server_name has to be proven.
  std::vector<std::string> allowed_names = {};
  // PEM: what we show when the backend asks for a certificate, each one's issuer behind it, and its private
  // key (PKCS #8, EC or RSA, not encrypted). Both or neither.
  std::string client_certificate = {};
  SecretText client_key = {};
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  BackendVerification verification = BackendVerification::kFull;
  friend bool operator==(const BackendTls&, const BackendTls&) = default;
};

// What is wrong with the contents of `cluster`'s TLS, which validate() does not read: a CA bundle, client
// certificate or key that cannot be read or do not belong together (errors: publish() and apply() refuse
// them), and warnings about the client certificate's time. Thread: any.
INGRESS_EXPORT std::vector<Problem> check_backend_tls(
    const Cluster& cluster, std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace ingress
