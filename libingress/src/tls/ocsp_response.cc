#include "tls/ocsp_response.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/nid.h>
#include <openssl/posix_time.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace ingress::tls {
namespace {

constexpr CBS_ASN1_TAG context_tag(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | number;
}
constexpr CBS_ASN1_TAG explicit_tag(unsigned number) {
  return CBS_ASN1_CONTEXT_SPECIFIC | CBS_ASN1_CONSTRUCTED | number;
}

// id-pkix-ocsp-basic, 1.3.6.1.5.5.7.48.1.1.
constexpr std::array<std::uint8_t, 9> kBasicResponse{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01};

Error fail(ErrorCode code, const char* what) {
  return {.code = code, .side = ErrorSide::kUpstream, .what = what, .detail = {}};
}

OcspBytes bytes_of(const CBS& cbs) {
  return {CBS_data(&cbs), CBS_len(&cbs)};
}

bool take(CBS& from, CBS_ASN1_TAG tag, OcspBytes& out) {
  CBS contents;
  if (!CBS_get_asn1(&from, &contents, tag)) return false;
  out = bytes_of(contents);
  return true;
}

bool take_element(CBS& from, CBS_ASN1_TAG tag, OcspBytes& out) {
  CBS element;
  if (!CBS_get_asn1_element(&from, &element, tag)) return false;
  out = bytes_of(element);
  return true;
}

bool take_time(CBS& from, std::int64_t& out) {
  CBS text;
  std::tm parts = {};
  return CBS_get_asn1(&from, &text, CBS_ASN1_GENERALIZEDTIME) &&
         CBS_parse_generalized_time(&text, &parts, /*allow_timezone_offset=*/0) &&
         OPENSSL_tm_to_posix(&parts, &out);
}

// Optional [number] EXPLICIT Extensions (RFC 5280 4.1.2.9).
bool skip_extensions(CBS& from, unsigned number) {
  CBS wrapped, list;
  int is_there = 0;
  if (!CBS_get_optional_asn1(&from, &wrapped, &is_there, explicit_tag(number))) return false;
  if (!is_there) return true;
  if (!CBS_get_asn1(&wrapped, &list, CBS_ASN1_SEQUENCE) || CBS_len(&wrapped) != 0) return false;
  while (CBS_len(&list) > 0) {
    CBS extension, oid, value;
    int is_critical = 0;
    if (!CBS_get_asn1(&list, &extension, CBS_ASN1_SEQUENCE) ||
        !CBS_get_asn1(&extension, &oid, CBS_ASN1_OBJECT) ||
        (CBS_peek_asn1_tag(&extension, CBS_ASN1_BOOLEAN) && !CBS_get_asn1_bool(&extension, &is_critical)) ||
        !CBS_get_asn1(&extension, &value, CBS_ASN1_OCTETSTRING) || CBS_len(&extension) != 0 || is_critical)
      return false;
  }
  return true;
}

bool take_cert_id(CBS& from, SingleOcspResponse& out) {
  CBS id, algorithm;
  if (!CBS_get_asn1(&from, &id, CBS_ASN1_SEQUENCE) ||
      !CBS_get_asn1_element(&id, &algorithm, CBS_ASN1_SEQUENCE) ||
      !take(id, CBS_ASN1_OCTETSTRING, out.name_hash) || !take(id, CBS_ASN1_OCTETSTRING, out.key_hash) ||
      !take(id, CBS_ASN1_INTEGER, out.serial) || CBS_len(&id) != 0)
    return false;
  // About a certificate named by another algorithm there may be an answer beside the one that is looked for.
  out.digest_nid = EVP_parse_digest_algorithm_nid(&algorithm);
  return true;
}

// What does not have the tag is taken all the same by CBS_get_asn1(): looked at first.
bool take_status(CBS& from, OcspStatus& out) {
  CBS info, reason;
  if (CBS_peek_asn1_tag(&from, explicit_tag(1))) {
    std::int64_t revoked_at = 0;
    int has_reason = 0;
    out = OcspStatus::kRevoked;
    return CBS_get_asn1(&from, &info, explicit_tag(1)) && take_time(info, revoked_at) &&
           CBS_get_optional_asn1(&info, &reason, &has_reason, explicit_tag(0)) && CBS_len(&info) == 0;
  }
  const bool is_good = CBS_peek_asn1_tag(&from, context_tag(0));
  out = is_good ? OcspStatus::kGood : OcspStatus::kUnknown;
  return CBS_get_asn1(&from, &info, context_tag(is_good ? 0 : 2)) && CBS_len(&info) == 0;
}

bool take_single(CBS& from, SingleOcspResponse& out) {
  CBS single, next_update;
  return CBS_get_asn1(&from, &single, CBS_ASN1_SEQUENCE) && take_cert_id(single, out) &&
         take_status(single, out.status) && take_time(single, out.this_update) &&
         CBS_get_asn1(&single, &next_update, explicit_tag(0)) && take_time(next_update, out.next_update) &&
         CBS_len(&next_update) == 0 && skip_extensions(single, 1) && CBS_len(&single) == 0;
}

bool take_responder(CBS& from, OcspResponse& out) {
  CBS id;
  if (CBS_peek_asn1_tag(&from, explicit_tag(1)))
    return CBS_get_asn1(&from, &id, explicit_tag(1)) &&
           take_element(id, CBS_ASN1_SEQUENCE, out.responder_name) && CBS_len(&id) == 0;
  return CBS_get_asn1(&from, &id, explicit_tag(2)) &&
         take(id, CBS_ASN1_OCTETSTRING, out.responder_key_hash) && !out.responder_key_hash.empty() &&
         CBS_len(&id) == 0;
}

// ResponseData.
bool read_data(CBS data, OcspResponse& out) {
  CBS contents, singles;
  std::uint64_t version = 0;
  if (!CBS_get_asn1(&data, &contents, CBS_ASN1_SEQUENCE) ||
      !CBS_get_optional_asn1_uint64(&contents, &version, explicit_tag(0), 0) || version != 0 ||
      !take_responder(contents, out) || !take_time(contents, out.produced_at) ||
      !CBS_get_asn1(&contents, &singles, CBS_ASN1_SEQUENCE) || !skip_extensions(contents, 1) ||
      CBS_len(&contents) != 0)
    return false;
  while (CBS_len(&singles) > 0) {
    if (out.singles.size() == kMaxOcspSingles || !take_single(singles, out.singles.emplace_back()))
      return false;
  }
  return !out.singles.empty();
}

// AlgorithmIdentifier; those that are known have NULL or nothing for parameters (RFC 4055 5, RFC 5758 3.2).
bool take_algorithm(CBS& from, OcspResponse& out) {
  CBS algorithm, nothing;
  return CBS_get_asn1(&from, &algorithm, CBS_ASN1_SEQUENCE) &&
         take(algorithm, CBS_ASN1_OBJECT, out.signature_oid) &&
         (CBS_len(&algorithm) == 0 || (CBS_get_asn1(&algorithm, &nothing, CBS_ASN1_NULL) &&
                                       CBS_len(&nothing) == 0 && CBS_len(&algorithm) == 0));
}

bool take_certificates(CBS& from, OcspResponse& out) {
  CBS wrapped, list;
  int is_there = 0;
  if (!CBS_get_optional_asn1(&from, &wrapped, &is_there, explicit_tag(0))) return false;
  if (!is_there) return true;
  if (!CBS_get_asn1(&wrapped, &list, CBS_ASN1_SEQUENCE) || CBS_len(&wrapped) != 0) return false;
  while (CBS_len(&list) > 0) {
    if (out.certificates.size() == kMaxOcspCertificates ||
        !take_element(list, CBS_ASN1_SEQUENCE, out.certificates.emplace_back()))
      return false;
  }
  return true;
}

// BasicOCSPResponse.
bool read_basic(OcspBytes der, OcspResponse& out) {
  CBS all, basic, data, signature;
  std::uint8_t unused_bits = 0;
  CBS_init(&all, der.data(), der.size());
  if (!CBS_get_asn1(&all, &basic, CBS_ASN1_SEQUENCE) || CBS_len(&all) != 0 ||
      !CBS_get_asn1_element(&basic, &data, CBS_ASN1_SEQUENCE) || !take_algorithm(basic, out) ||
      !CBS_get_asn1(&basic, &signature, CBS_ASN1_BITSTRING) || !CBS_get_u8(&signature, &unused_bits) ||
      unused_bits != 0 || !take_certificates(basic, out) || CBS_len(&basic) != 0)
    return false;
  out.signed_data = bytes_of(data);
  out.signature = bytes_of(signature);
  return read_data(data, out);
}

// OCSPResponseStatus: null for successful(0).
const char* refusal_of(std::uint8_t status) {
  switch (status) {
    case 0:
      return nullptr;
    case 1:
      return "the responder says malformed_request";
    case 2:
      return "the responder says internal_error";
    case 3:
      return "the responder says try_later";
    case 5:
      return "the responder says sig_required";
    case 6:
      return "the responder says unauthorized: it does not know the certificate";
    default:
      return "the responder's status is none that is known";
  }
}

}  // namespace

std::expected<OcspResponse, Error> parse_ocsp_response(OcspBytes der) {
  const auto malformed = [] {
    return std::unexpected(
        fail(ErrorCode::kParse, "it is no OCSP response that can be used (RFC 6960 4.2.1)"));
  };
  CBS all, response, status, wrapped, contents;
  std::uint8_t code = 0;
  int has_bytes = 0;
  CBS_init(&all, der.data(), der.size());
  if (!CBS_get_asn1(&all, &response, CBS_ASN1_SEQUENCE) || CBS_len(&all) != 0 ||
      !CBS_get_asn1(&response, &status, CBS_ASN1_ENUMERATED) || !CBS_get_u8(&status, &code) ||
      CBS_len(&status) != 0 || !CBS_get_optional_asn1(&response, &wrapped, &has_bytes, explicit_tag(0)) ||
      CBS_len(&response) != 0)
    return malformed();
  if (const char* refusal = refusal_of(code)) return std::unexpected(fail(ErrorCode::kBadResponse, refusal));
  OcspBytes type, basic;
  if (!has_bytes || !CBS_get_asn1(&wrapped, &contents, CBS_ASN1_SEQUENCE) || CBS_len(&wrapped) != 0 ||
      !take(contents, CBS_ASN1_OBJECT, type) || !std::ranges::equal(type, kBasicResponse) ||
      !take(contents, CBS_ASN1_OCTETSTRING, basic) || CBS_len(&contents) != 0)
    return malformed();
  OcspResponse out;
  if (!read_basic(basic, out)) return malformed();
  return out;
}

}  // namespace ingress::tls
