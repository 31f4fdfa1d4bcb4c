// Which certificates clients of TLS are asked for, by listener or server name, and what backends are told
// about them. Part of the typed model (IR): plain values, compared with ==.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingress/export.h"
#include "ingress/value_match.h"

namespace ingress {

struct Problem;

enum class ClientCertificateMode : std::uint8_t {
  kRequire,   // a handshake without a certificate that verifies fails
  kOptional,  // clients may have none; one that is sent has to verify, or the handshake fails
  kRefuse,    // every handshake fails: where it is not known whom to let in
  // Clients may have none, and come in with any: backends decide, by `headers.verified`.
  kOptionalUnverified,
  kOff,  // clients are not asked: of a server name whose listener does ask
};

// Names of a certificate: those of its subjectAltName, and the common name of its subject, which counts only
// where the subject has exactly one.
enum class ClientNameType : std::uint8_t { kDns, kUri, kEmail, kIp, kCommonName };

// DNS names are compared without case, by regular expressions in lower case, a wildcard being text; addresses
// as addresses, by regular expressions in their shortest form; all others byte by byte.
struct ClientNameMatch {
  ClientNameType type = ClientNameType::kDns;
  std::string value;
  ValueMatchType match = ValueMatchType::kExact;
  friend bool operator==(const ClientNameMatch&, const ClientNameMatch&) = default;
};

// Header fields by which backends are told of the client's certificate; an empty name = not told. Clients
// cannot send fields of these names, with '-' or '_', on any listener of the configuration.
struct ClientCertificateHeaders {
  // "SUCCESS", "NONE" for a client without certificate, or with kOptionalUnverified "FAILED:" and why, in the
  // words of metrics: "FAILED:untrusted".
  std::string verified = {};
  std::string subject = {};            // RFC 2253, in ASCII
  std::string issuer = {};             // likewise
  std::string subject_alt_names = {};  // "DNS:a.b,URI:c:d,email:e@f,IP:::1"; ',' in them and the like as %2C
  std::string fingerprint = {};        // SHA-256 of the certificate, 64 hex digits in lower case
  std::string certificate = {};        // PEM, percent-encoded as encodeURIComponent() does
  friend bool operator==(const ClientCertificateHeaders&, const ClientCertificateHeaders&) = default;
};

// What a change of this asks for is asked of handshakes that begin after a worker adopted it: sessions from
// before do not resume, connections go on as they are.
struct ClientCertificates {
  ClientCertificateMode mode = ClientCertificateMode::kRequire;
  // PEM: the CA certificates whose clients are let in, each trusted as it stands. Empty with kRefuse and kOff
  // only.
  std::string authorities = {};
  // PEM (X509 CRL). Unless empty, every certificate of a client's chain that is not one of `authorities` has
  // to have a CRL of its issuer that is valid now, and not be in it.
  std::string crls = {};
  // How many certificates may stand between the client's own and one of `authorities`.
  std::uint32_t max_intermediates = 3;
  // One of them has to hold for a name of the client's certificate; none = any that verifies.
  std::vector<ClientNameMatch> allowed_names = {};
  ClientCertificateHeaders headers = {};
  friend bool operator==(const ClientCertificates&, const ClientCertificates&) = default;
};

// What is wrong with the contents of `certificates`, which validate() does not read: authorities or CRLs that
// cannot be read, certificates that are no CA (errors: publish() and apply() refuse them), and warnings about
// their times and about authorities without a CRL. `now`: compared with their validity. Thread: any.
INGRESS_EXPORT std::vector<Problem> check_client_certificates(
    const ClientCertificates& certificates,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace ingress
