// What a listener asks of the head of each request beside its syntax, whatever the protocol it came by.
#pragma once

#include <expected>

#include "http/framing.h"
#include "ingress/error.h"
#include "ingress/listener.h"
#include "ingress/message.h"
#include "policy/forwarding_headers.h"

namespace ingress::proxy {

// The client's mistake.
inline Error downstream_error(ErrorCode code, const char* what) {
  return {code, ErrorSide::kDownstream, RetrySafety::kNotSafe, what, {}};
}

// Of a request without any.
inline const Headers& no_trailers() {
  static const Headers none;
  return none;
}

// Whether the client expects a 100 (http::expects_continue()); or why it is refused.
inline std::expected<bool, Error> check_request(const RequestHead& head, http::BodyFraming framing,
                                                const Listener& listener) {
  const auto expects_continue = http::expects_continue(head);
  if (!expects_continue) return expects_continue;
  if (listener.headers_with_underscores == HeadersWithUnderscores::kReject &&
      policy::has_underscores(head.headers())) {
    return std::unexpected(downstream_error(ErrorCode::kBadRequest, "underscore_in_name"));
  }
  if (listener.limits.body_bytes != 0 && framing.length > listener.limits.body_bytes)
    return std::unexpected(downstream_error(ErrorCode::kBodyTooLarge, "content_length"));
  return expects_continue;
}

}  // namespace ingress::proxy
