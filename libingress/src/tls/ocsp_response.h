// Answers about certificates read: OCSPResponse of RFC 6960 4.2.1, of type id-pkix-ocsp-basic. Pure; what it
// means is for ocsp_verify.h.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <vector>

#include "ingress/error.h"

namespace ingress::tls {

enum class OcspStatus : std::uint8_t { kGood, kRevoked, kUnknown };

// Whose bytes outlive the values below.
using OcspBytes = std::span<const std::uint8_t>;

struct SingleOcspResponse {
  int digest_nid = 0;  // of the hashes; NID_undef when it is none that is known
  OcspBytes name_hash, key_hash, serial;
  OcspStatus status = OcspStatus::kUnknown;
  std::int64_t this_update = 0, next_update = 0;  // unix seconds
};

struct OcspResponse {
  OcspBytes signed_data;                         // the element, its header included
  OcspBytes responder_name, responder_key_hash;  // one of them is empty: Name in DER, or SHA-1
  std::int64_t produced_at = 0;                  // unix seconds
  std::vector<SingleOcspResponse> singles;       // never empty
  OcspBytes signature_oid, signature;
  std::vector<OcspBytes> certificates;
};

// More than any responder has reason to send: each may cost the check of a signature.
inline constexpr std::size_t kMaxOcspSingles = 64;
inline constexpr std::size_t kMaxOcspCertificates = 4;

// Fails with kParse, and with kBadResponse when the responder has no answer ("the responder says try_later").
// Refused as well: anything behind it, an answer without nextUpdate (RFC 5019 2.2.4 asks for it: without it
// nobody could say when it is too old), and critical extensions, of which none is known here.
std::expected<OcspResponse, Error> parse_ocsp_response(OcspBytes der);

}  // namespace ingress::tls
