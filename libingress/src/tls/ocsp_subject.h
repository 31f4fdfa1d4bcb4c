// What an OCSP question is about: a certificate, named by its issuer and serial number (RFC 6960 4.1.1), and
// the question itself. For .cc files of this module only.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "ingress/error.h"
#include "tls/boring.h"

namespace ingress::tls {

struct OcspSubject {
  bssl::UniquePtr<X509> leaf, issuer;  // the second has signed the first
};
// Of a chain in PEM. Fails with kInvalidArgument.
std::expected<OcspSubject, Error> read_ocsp_subject(const std::string& chain);
// Its first certificate alone; null when there is none.
bssl::UniquePtr<X509> read_leaf(const std::string& chain);

// A CertID without its algorithm. Issuer and serial number are named apart from anything in the answer.
struct OcspCertId {
  std::vector<std::uint8_t> name_hash, key_hash;  // of the issuer
  std::vector<std::uint8_t> serial;               // contents of the INTEGER
  friend bool operator==(const OcspCertId&, const OcspCertId&) = default;
};
OcspCertId make_cert_id(const OcspSubject& subject, const EVP_MD* digest);

// Of what stands in the BIT STRING of its public key: that is how responders are named (RFC 6960 4.2.1).
std::vector<std::uint8_t> hash_public_key(const X509* certificate, const EVP_MD* digest);

// OCSPRequest in DER; empty when memory is short.
std::vector<std::uint8_t> make_ocsp_request(const OcspSubject& subject);

// The first http URL for OCSP among its authority information, as written; at most kMaxUrlBytes of visible
// ASCII.
inline constexpr std::size_t kMaxUrlBytes = 2048;
std::optional<std::string> find_responder_url(const X509* leaf);

// Whether it asks its servers to have an answer for each client (RFC 7633, "must staple").
bool must_staple(const X509* leaf);

}  // namespace ingress::tls
