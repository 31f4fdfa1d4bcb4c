#include "tls/ocsp_verify.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/obj.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "tls/x509.h"

namespace ingress::tls {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;

struct SignatureAlgorithm {
  int nid;
  int key_type;
  const EVP_MD* (*digest)();
};
constexpr std::array<SignatureAlgorithm, 6> kAlgorithms{{
    {NID_sha256WithRSAEncryption, EVP_PKEY_RSA, EVP_sha256},
    {NID_sha384WithRSAEncryption, EVP_PKEY_RSA, EVP_sha384},
    {NID_sha512WithRSAEncryption, EVP_PKEY_RSA, EVP_sha512},
    {NID_ecdsa_with_SHA256, EVP_PKEY_EC, EVP_sha256},
    {NID_ecdsa_with_SHA384, EVP_PKEY_EC, EVP_sha384},
    {NID_ecdsa_with_SHA512, EVP_PKEY_EC, EVP_sha512},
}};

const SignatureAlgorithm* find_algorithm(int nid) {
  const auto* found = std::ranges::find(kAlgorithms, nid, &SignatureAlgorithm::nid);
  return found == kAlgorithms.end() ? nullptr : found;
}

Error refuse(const char* what, std::string detail = {}) {
  return {.code = ErrorCode::kBadResponse,
          .side = ErrorSide::kUpstream,
          .what = what,
          .detail = std::move(detail)};
}

// What may be believed, and is no good.
Error not_good(const char* what) {
  return {.code = ErrorCode::kNotFound, .side = ErrorSide::kUpstream, .what = what, .detail = {}};
}

bool is_named_responder(const OcspResponse& response, const X509* certificate) {
  if (response.responder_name.empty())
    return std::ranges::equal(response.responder_key_hash, hash_public_key(certificate, EVP_sha1()));
  const std::uint8_t* name = nullptr;
  std::size_t size = 0;
  return X509_NAME_get0_der(X509_get_subject_name(certificate), &name, &size) &&
         std::ranges::equal(response.responder_name, OcspBytes(name, size));
}

bool has_signed(EVP_PKEY* key, const SignatureAlgorithm& algorithm, const OcspResponse& response) {
  if (key == nullptr || EVP_PKEY_id(key) != algorithm.key_type) return false;
  const int bits = EVP_PKEY_bits(key);
  if (algorithm.key_type == EVP_PKEY_RSA && (bits < kMinRsaBits || bits > kMaxRsaBits)) return false;
  bssl::ScopedEVP_MD_CTX context;
  return EVP_DigestVerifyInit(context.get(), nullptr, algorithm.digest(), nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), response.signature.data(), response.signature.size(),
                          response.signed_data.data(), response.signed_data.size()) == 1;
}

// Whether the issuer has charged the one of `certificate` with answers; why not, else.
std::expected<OcspTimes, Error> check_charged(const X509* certificate, const X509* issuer, std::int64_t now) {
  if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0 ||
      find_algorithm(X509_get_signature_nid(certificate)) == nullptr ||
      X509_verify(certificate, X509_get0_pubkey(issuer)) != 1)
    return std::unexpected(refuse("the certificate's issuer has not issued the responder's certificate"));
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) != 0 || (flags & EXFLAG_XKUSAGE) == 0 ||
      (X509_get_extended_key_usage(certificate) & XKU_OCSP_SIGN) == 0 ||
      (X509_get_key_usage(certificate) & X509v3_KU_DIGITAL_SIGNATURE) == 0)
    return std::unexpected(refuse("the responder's certificate is not one for signing OCSP responses"));
  const auto from = unix_time(X509_get0_notBefore(certificate)),
             to = unix_time(X509_get0_notAfter(certificate));
  if (!from || !to || now + kOcspClockSkew < *from || now > *to)
    return std::unexpected(refuse("the responder's certificate is not valid now"));
  return OcspTimes{*from, *to + 1};
}

// Who has signed it, and for how long that counts.
std::expected<OcspTimes, Error> check_signer(const OcspSubject& subject, const OcspResponse& response,
                                             std::int64_t now) {
  CBS oid;
  CBS_init(&oid, response.signature_oid.data(), response.signature_oid.size());
  const SignatureAlgorithm* algorithm = find_algorithm(OBJ_cbs2nid(&oid));
  if (algorithm == nullptr)
    return std::unexpected(refuse("its signature is not RSA or ECDSA with SHA-256, SHA-384 or SHA-512"));
  constexpr OcspTimes kAlways{0, std::numeric_limits<std::int64_t>::max()};
  const char* const bad_signature = "its signature is wrong";
  Error error = refuse("nobody who may sign for the certificate's issuer is named as its responder");
  if (is_named_responder(response, subject.issuer.get())) {
    if (has_signed(X509_get0_pubkey(subject.issuer.get()), *algorithm, response)) return kAlways;
    error = refuse(bad_signature);
  }
  for (const OcspBytes der : response.certificates) {
    const bssl::UniquePtr<X509> certificate = parse_x509(der);
    if (!certificate || !is_named_responder(response, certificate.get())) continue;
    auto charged = check_charged(certificate.get(), subject.issuer.get(), now);
    if (!charged) {
      error = std::move(charged.error());
    } else if (has_signed(X509_get0_pubkey(certificate.get()), *algorithm, response)) {
      return charged;
    } else {
      error = refuse(bad_signature);
    }
  }
  return std::unexpected(std::move(error));
}

bool is_about(const OcspSubject& subject, const SingleOcspResponse& single) {
  const EVP_MD* digest = EVP_get_digestbynid(single.digest_nid);
  if (digest == nullptr || EVP_MD_size(digest) < 20) return false;  // MD5
  const OcspCertId id = make_cert_id(subject, digest);
  return !id.serial.empty() && std::ranges::equal(single.serial, id.serial) &&
         std::ranges::equal(single.name_hash, id.name_hash) &&
         std::ranges::equal(single.key_hash, id.key_hash);
}

}  // namespace

std::expected<OcspTimes, Error> verify_ocsp_response(const OcspSubject& subject, const OcspResponse& response,
                                                     std::int64_t now) {
  const ErrorScope errors;
  const SingleOcspResponse* found = nullptr;
  for (const SingleOcspResponse& single : response.singles) {
    if (!is_about(subject, single)) continue;
    // Which of them a client would take nobody knows.
    if (found != nullptr) return std::unexpected(refuse("it has two answers about the certificate"));
    found = &single;
  }
  if (found == nullptr) return std::unexpected(refuse("it is about another certificate"));
  const auto signer = check_signer(subject, response, now);
  if (!signer) return std::unexpected(signer.error());
  if (found->this_update > now + kOcspClockSkew || response.produced_at > now + kOcspClockSkew)
    return std::unexpected(refuse("it is from the future", time_text(found->this_update)));
  // Times that no honest answer has would leave the range of the clocks that are set by them.
  constexpr std::int64_t kLongest = std::int64_t{366} * 24 * 3600;
  const OcspTimes times{std::max<std::int64_t>(found->this_update, now - kLongest),
                        std::min<std::int64_t>({found->next_update, signer->until, now + kLongest})};
  if (times.until <= now || times.until <= times.from)
    return std::unexpected(refuse("it has expired", time_text(times.until)));
  if (found->status == OcspStatus::kRevoked) return std::unexpected(not_good("the certificate is revoked"));
  if (found->status == OcspStatus::kUnknown)
    return std::unexpected(not_good("the responder does not know the certificate"));
  return times;
}

}  // namespace ingress::tls
