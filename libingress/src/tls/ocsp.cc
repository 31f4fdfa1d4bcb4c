// The public questions about the status of certificates.
#include "ingress/ocsp.h"

#include <string>
#include <utility>

#include "tls/base64.h"
#include "tls/boring.h"
#include "tls/ocsp_response.h"
#include "tls/ocsp_subject.h"
#include "tls/ocsp_verify.h"

namespace ingress {

std::expected<OcspQuestion, Error> make_ocsp_question(const Certificate& certificate) {
  const tls::ErrorScope errors;
  // First: most certificates name none any more, and need no issuer then.
  const bssl::UniquePtr<X509> leaf = tls::read_leaf(certificate.chain);
  auto url = leaf ? tls::find_responder_url(leaf.get()) : std::nullopt;
  if (leaf && !url)
    return std::unexpected(
        Error{.code = ErrorCode::kNotFound, .what = "the certificate names no OCSP responder", .detail = {}});
  auto subject = tls::read_ocsp_subject(certificate.chain);
  if (!subject) return std::unexpected(std::move(subject.error()));
  const std::vector<std::uint8_t> request = tls::make_ocsp_request(*subject);
  return OcspQuestion{.url = std::move(*url), .request = {request.begin(), request.end()}};
}

std::expected<OcspAnswer, Error> check_ocsp_response(const Certificate& certificate,
                                                     std::string_view response,
                                                     std::chrono::system_clock::time_point now) {
  const tls::ErrorScope errors;  // what cannot be read leaves nothing behind for others
  const auto subject = tls::read_ocsp_subject(certificate.chain);
  if (!subject) return std::unexpected(subject.error());
  if (response.size() > kMaxOcspResponseBytes)
    return std::unexpected(Error{.code = ErrorCode::kParse,
                                 .side = ErrorSide::kUpstream,
                                 .what = "it is longer than any OCSP response has to be",
                                 .detail = {}});
  const tls::OcspBytes der(reinterpret_cast<const std::uint8_t*>(response.data()), response.size());
  const auto parsed = tls::parse_ocsp_response(der);
  if (!parsed) return std::unexpected(parsed.error());
  const auto times = tls::verify_ocsp_response(*subject, *parsed, std::chrono::system_clock::to_time_t(now));
  if (!times) return std::unexpected(times.error());
  using std::chrono::seconds;
  using Time = std::chrono::system_clock::time_point;
  return OcspAnswer{.this_update = Time(seconds(times->from)),
                    .next_update = Time(seconds(times->until)),
                    .text = tls::encode_base64(der)};
}

}  // namespace ingress
