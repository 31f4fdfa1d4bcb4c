// The one error type of the library: what happened, whose side caused it, whether a retry is safe.
//
// Errors are values, returned in std::expected; nothing in the library throws, prints or exits.
// On the request path an Error holds static text only and allocates nothing; `detail` is for
// errors of configuration, files and start-up, where names and values help.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "ingress/export.h"

namespace ingress {

// Each code that can end a request has one row in proxy/error_reply.cc; a test checks that.
enum class ErrorCode : std::uint8_t {
  // Of a request, downstream side.
  kBadRequest,             // 400; the message or its head breaks RFC 9110/9112
  kRequestTimeout,         // 408; the head or body did not arrive in time
  kBodyTooLarge,           // 413
  kUriTooLong,             // 414
  kExpectationFailed,      // 417; Expect other than 100-continue
  kHeadTooLarge,           // 431; bytes or number of header fields
  kMethodNotSupported,     // 501; CONNECT
  kTransferCodingUnknown,  // 501; Transfer-Encoding other than chunked
  kVersionNotSupported,    // 505
  kClientGone,             // no answer possible; logged as 499
  kMisdirected,            // 421; for a host that the certificate shown does not prove
  // Of a request, decided by configuration.
  kNoRoute,      // 404
  kRouteFailed,  // the rule or backend carries a failure; its status comes with it
  kNoEndpoints,  // 503
  kCircuitOpen,  // 503; a limit of the cluster was reached
  // Of a request, upstream side.
  kResolveFailed,      // 502; no address for the endpoint's host name
  kAddressRefused,     // 502; the endpoint's address may not be connected to (LocalBackends)
  kConnectFailed,      // 502
  kUpstreamTls,        // 502; the handshake failed, or the backend is not who it should be
  kUpstreamReset,      // 502; closed or reset before the response head was complete
  kStaleConnection,    // 502; a kept connection was closed, and the request is not to be sent twice
  kBadResponse,        // 502; the response breaks RFC 9112 or a limit
  kUpstreamTimeout,    // 504; response head, response body or the whole request
  kResponseTruncated,  // the response was cut after its head had been sent
  // Of a request, our side.
  kFilterFailed,  // 500; a filter broke its contract
  kOverload,      // 503; a bound of ours was reached
  // Outside of requests.
  kInvalidArgument,
  kParse,     // text that is not JSON, YAML, an address, …
  kTooLarge,  // a cap on bytes, depth, count or aliases
  kNotFound,
  kIo,      // a system call failed; detail names it
  kClosed,  // the thing acted on is closed or shutting down
  kTimeout,
  kInternal,
};

enum class ErrorSide : std::uint8_t { kSelf, kDownstream, kUpstream };

// Whether the same message may be sent again elsewhere. Undecided means not safe.
enum class RetrySafety : std::uint8_t {
  kNotSafe,
  kSafe,          // no byte of it can have reached the other side
  kIfIdempotent,  // it may have been acted upon
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  ErrorSide side = ErrorSide::kSelf;
  RetrySafety retry = RetrySafety::kNotSafe;
  // Static text; on the request path a token such as "two_content_lengths" that ends up in `why`.
  const char* what = "";
  // Names and values, empty on the request path.
  std::string detail;

  // "what: detail", or only `what`.
  INGRESS_EXPORT std::string text() const;
  friend bool operator==(const Error& a, const Error& b) {
    return a.code == b.code && a.side == b.side && a.retry == b.retry && std::string_view(a.what) == b.what &&
           a.detail == b.detail;
  }
};

// The snake_case name of a code, as it stands in `why` and metrics ("no_route").
INGRESS_EXPORT std::string_view to_string(ErrorCode code);

}  // namespace ingress
