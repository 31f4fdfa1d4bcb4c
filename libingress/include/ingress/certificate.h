// What a TLS listener shows to clients: a certificate chain, its private key, and the server names that it
// is for. Part of the typed model (IR): plain values, compared with ==.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "ingress/export.h"
#include "ingress/origin.h"

namespace ingress {

struct Problem;

// Text that is never shown: to_json() writes "(redacted)" in its place.
struct SecretText {
  std::string text;
  friend bool operator==(const SecretText&, const SecretText&) = default;
};

// Served by every listener with Listener::tls. A change is seen by the handshakes that begin after a worker
// adopted it; connections that exist go on.
struct Certificate {
  std::string name;  // unique among certificates; the controller uses "namespace/name" of the Secret
  // Names in the handshake (SNI, RFC 6066 3) that it answers: "a.b" exactly, "*.a.b" exactly one label more.
  // Several certificates may have one name, for instance one with an ECDSA and one with an RSA key: the
  // client's algorithms decide, ECDSA first. None: only where a listener names it as its default.
  std::vector<std::string> server_names = {};
  std::string chain;    // PEM (RFC 7468), the server's own certificate first, then each one's issuer
  SecretText key = {};  // PEM: PKCS #8, EC or RSA, not encrypted; belongs to the first of the chain
  // What the issuer says of it: an OCSPResponse (RFC 6960 4.2.1), DER in base64, sent to clients that ask for
  // one (RFC 6066 8) while it is valid. Empty: none.
  std::string ocsp_response = {};
  Origin origin = {};
  friend bool operator==(const Certificate&, const Certificate&) = default;
};

// What is wrong with the contents of `certificate`, which validate() does not read: a chain or key that
// cannot be read, are too weak or do not belong together (errors: publish() and apply() refuse them), and
// warnings about its time and about server names that it does not cover. `now`: compared with its validity.
// Thread: any.
INGRESS_EXPORT std::vector<Problem> check_certificate(
    const Certificate& certificate,
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace ingress
