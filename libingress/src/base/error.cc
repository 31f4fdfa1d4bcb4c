#include "ingress/error.h"

namespace ingress {

std::string Error::text() const {
  std::string out = what;
  if (detail.empty()) return out;
  if (!out.empty()) out += ": ";
  out += detail;
  return out;
}

// Long because it is one row per code; no default, so that the compiler names a code without
// a row.
std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadRequest:
      return "bad_request";
    case ErrorCode::kRequestTimeout:
      return "request_timeout";
    case ErrorCode::kBodyTooLarge:
      return "body_too_large";
    case ErrorCode::kUriTooLong:
      return "uri_too_long";
    case ErrorCode::kExpectationFailed:
      return "expectation_failed";
    case ErrorCode::kHeadTooLarge:
      return "head_too_large";
    case ErrorCode::kMethodNotSupported:
      return "method_not_supported";
    case ErrorCode::kTransferCodingUnknown:
      return "transfer_coding_unknown";
    case ErrorCode::kVersionNotSupported:
      return "version_not_supported";
    case ErrorCode::kClientGone:
      return "client_gone";
    case ErrorCode::kMisdirected:
      return "misdirected";
    case ErrorCode::kNoRoute:
      return "no_route";
    case ErrorCode::kRouteFailed:
      return "route_failed";
    case ErrorCode::kNoEndpoints:
      return "no_endpoints";
    case ErrorCode::kResolveFailed:
      return "resolve_failed";
    case ErrorCode::kAddressRefused:
      return "address_refused";
    case ErrorCode::kCircuitOpen:
      return "circuit_open";
    case ErrorCode::kConnectFailed:
      return "connect_failed";
    case ErrorCode::kUpstreamTls:
      return "upstream_tls";
    case ErrorCode::kUpstreamReset:
      return "upstream_reset";
    case ErrorCode::kStaleConnection:
      return "stale_connection";
    case ErrorCode::kBadResponse:
      return "bad_response";
    case ErrorCode::kUpstreamTimeout:
      return "upstream_timeout";
    case ErrorCode::kResponseTruncated:
      return "response_truncated";
    case ErrorCode::kFilterFailed:
      return "filter_failed";
    case ErrorCode::kOverload:
      return "overload";
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kParse:
      return "parse";
    case ErrorCode::kTooLarge:
      return "too_large";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kIo:
      return "io";
    case ErrorCode::kClosed:
      return "closed";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "internal";  // a value outside of the enum
}

}  // namespace ingress
