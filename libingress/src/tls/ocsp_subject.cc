#include "tls/ocsp_subject.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/mem.h>
#include <openssl/nid.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "tls/pem.h"
#include "tls/x509.h"

namespace ingress::tls {
namespace {

// id-pe-tlsfeature (RFC 7633 4), 1.3.6.1.5.5.7.1.24, and the feature meant: status_request (RFC 6066 8).
constexpr std::array<std::uint8_t, 8> kTlsFeature{0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x18};
constexpr std::uint64_t kStatusRequest = 5;

Error refuse(const char* what) {
  return {.code = ErrorCode::kInvalidArgument, .what = what, .detail = {}};
}

std::vector<std::uint8_t> hash(const std::uint8_t* bytes, std::size_t size, const EVP_MD* digest) {
  std::vector<std::uint8_t> out(EVP_MD_size(digest));
  unsigned length = 0;
  if (EVP_Digest(bytes, size, out.data(), &length, digest, nullptr) != 1) out.clear();
  return out;
}

bool add_hash(CBB* cbb, const std::vector<std::uint8_t>& bytes) {
  CBB child;
  return CBB_add_asn1(cbb, &child, CBS_ASN1_OCTETSTRING) &&
         CBB_add_bytes(&child, bytes.data(), bytes.size()) && CBB_flush(cbb);
}

}  // namespace

std::expected<OcspSubject, Error> read_ocsp_subject(const std::string& chain) {
  const ErrorScope errors;
  const auto blocks = read_pem(chain);
  if (!blocks) return std::unexpected(refuse("the chain cannot be read"));
  OcspSubject subject;
  for (const PemBlock& block : *blocks) {
    if (block.label != "CERTIFICATE" || subject.issuer) continue;
    bssl::UniquePtr<X509> parsed = parse_x509(block.der);
    if (!parsed) return std::unexpected(refuse("the chain cannot be read"));
    (subject.leaf ? subject.issuer : subject.leaf) = std::move(parsed);
  }
  if (!subject.issuer)
    return std::unexpected(refuse("the certificate's issuer is not in the chain, behind the certificate"));
  EVP_PKEY* key = X509_get0_pubkey(subject.issuer.get());
  if (key == nullptr ||
      X509_NAME_cmp(X509_get_issuer_name(subject.leaf.get()), X509_get_subject_name(subject.issuer.get())) !=
          0 ||
      X509_verify(subject.leaf.get(), key) != 1)
    return std::unexpected(refuse("the second certificate of the chain has not issued the first"));
  return subject;
}

bssl::UniquePtr<X509> read_leaf(const std::string& chain) {
  const ErrorScope errors;
  const auto blocks = read_pem(chain);
  if (!blocks) return nullptr;
  const auto leaf = std::ranges::find(*blocks, "CERTIFICATE", &PemBlock::label);
  return leaf == blocks->end() ? nullptr : parse_x509(leaf->der);
}

std::vector<std::uint8_t> hash_public_key(const X509* certificate, const EVP_MD* digest) {
  const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(certificate);
  if (key == nullptr) return {};
  return hash(ASN1_STRING_get0_data(key), static_cast<std::size_t>(ASN1_STRING_length(key)), digest);
}

OcspCertId make_cert_id(const OcspSubject& subject, const EVP_MD* digest) {
  OcspCertId id;
  const std::uint8_t* name = nullptr;
  std::size_t name_size = 0;
  if (X509_NAME_get0_der(X509_get_issuer_name(subject.leaf.get()), &name, &name_size))
    id.name_hash = hash(name, name_size, digest);
  id.key_hash = hash_public_key(subject.issuer.get(), digest);
  std::uint8_t* serial = nullptr;
  const int size = i2d_ASN1_INTEGER(X509_get0_serialNumber(subject.leaf.get()), &serial);
  const bssl::UniquePtr<std::uint8_t> owner(serial);
  CBS element, contents;
  CBS_init(&element, serial, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (CBS_get_asn1(&element, &contents, CBS_ASN1_INTEGER))
    id.serial.assign(CBS_data(&contents), CBS_data(&contents) + CBS_len(&contents));
  return id;
}

std::vector<std::uint8_t> make_ocsp_request(const OcspSubject& subject) {
  const ErrorScope errors;
  const OcspCertId id = make_cert_id(subject, EVP_sha1());
  bssl::ScopedCBB cbb;
  CBB request, to_be_signed, list, one, cert_id, serial;
  std::uint8_t* bytes = nullptr;
  std::size_t size = 0;
  if (!CBB_init(cbb.get(), 128) || !CBB_add_asn1(cbb.get(), &request, CBS_ASN1_SEQUENCE) ||
      !CBB_add_asn1(&request, &to_be_signed, CBS_ASN1_SEQUENCE) ||
      !CBB_add_asn1(&to_be_signed, &list, CBS_ASN1_SEQUENCE) ||
      !CBB_add_asn1(&list, &one, CBS_ASN1_SEQUENCE) || !CBB_add_asn1(&one, &cert_id, CBS_ASN1_SEQUENCE) ||
      !EVP_marshal_digest_algorithm(&cert_id, EVP_sha1()) || !add_hash(&cert_id, id.name_hash) ||
      !add_hash(&cert_id, id.key_hash) || !CBB_add_asn1(&cert_id, &serial, CBS_ASN1_INTEGER) ||
      !CBB_add_bytes(&serial, id.serial.data(), id.serial.size()) || !CBB_finish(cbb.get(), &bytes, &size))
    return {};
  const bssl::UniquePtr<std::uint8_t> owner(bytes);
  return {bytes, bytes + size};
}

std::optional<std::string> find_responder_url(const X509* leaf) {
  constexpr std::string_view kScheme = "http://";
  const ErrorScope errors;
  const bssl::UniquePtr<AUTHORITY_INFO_ACCESS> all(
      static_cast<AUTHORITY_INFO_ACCESS*>(X509_get_ext_d2i(leaf, NID_info_access, nullptr, nullptr)));
  for (std::size_t i = 0; all && i < sk_ACCESS_DESCRIPTION_num(all.get()); ++i) {
    const ACCESS_DESCRIPTION* access = sk_ACCESS_DESCRIPTION_value(all.get(), i);
    if (OBJ_obj2nid(access->method) != NID_ad_OCSP || access->location->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = access->location->d.uniformResourceIdentifier;
    const std::string_view url(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                               static_cast<std::size_t>(ASN1_STRING_length(uri)));
    const bool is_visible = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
    if (is_visible && url.size() <= kMaxUrlBytes && url.size() > kScheme.size() &&
        base::equals_ignore_case(url.substr(0, kScheme.size()), kScheme))
      return std::string(url);
  }
  return std::nullopt;
}

bool must_staple(const X509* leaf) {
  for (int i = 0; i < X509_get_ext_count(leaf); ++i) {
    const X509_EXTENSION* extension = X509_get_ext(leaf, i);
    const ASN1_OBJECT* oid = X509_EXTENSION_get_object(extension);
    if (!std::ranges::equal(std::span(OBJ_get0_data(oid), OBJ_length(oid)), kTlsFeature)) continue;
    const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(extension);
    CBS all, features;
    CBS_init(&all, ASN1_STRING_get0_data(value), static_cast<std::size_t>(ASN1_STRING_length(value)));
    if (!CBS_get_asn1(&all, &features, CBS_ASN1_SEQUENCE)) return false;
    std::uint64_t feature = 0;
    while (CBS_get_asn1_uint64(&features, &feature))
      if (feature == kStatusRequest) return true;
    return false;
  }
  return false;
}

}  // namespace ingress::tls
