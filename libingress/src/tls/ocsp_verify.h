// Whether an answer about a certificate is to be believed and sent on. For .cc files of this module only.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>

#include "ingress/error.h"
#include "tls/ocsp_response.h"
#include "tls/ocsp_subject.h"

namespace ingress::tls {

struct OcspTimes {
  std::int64_t from = 0, until = 0;  // unix seconds; it is good before `until`
};

// How far clocks may be apart: an answer made a moment ago by a responder whose clock is ahead is no fraud.
// At the end of its time there is none of that, as clients whose clocks are right would refuse it.
inline constexpr std::int64_t kOcspClockSkew = 300;

// Who may have signed it: the issuer, or one of the answer's own certificates that the issuer has made for
// just that, valid at `now` (RFC 6960 4.2.2.2). Whether such a one has been revoked nobody asks, as OCSP
// could not say (4.2.2.2.1). SHA-1 signs nothing: an attacker makes two answers that share one signature.
// `until`: the end of the answer and of the signer's certificate, whichever comes first.
// Cost: one signature for each of the answer's certificates and one more, at most.
std::expected<OcspTimes, Error> verify_ocsp_response(const OcspSubject& subject, const OcspResponse& response,
                                                     std::int64_t now);

}  // namespace ingress::tls
