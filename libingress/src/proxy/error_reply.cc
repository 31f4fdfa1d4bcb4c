#include "proxy/error_reply.h"

#include <array>

namespace ingress::proxy {

namespace {

constexpr std::array kRows = {
    ErrorRow{ErrorCode::kBadRequest, 400, "bad request", true},
    ErrorRow{ErrorCode::kRequestTimeout, 408, "request timeout", true},
    ErrorRow{ErrorCode::kBodyTooLarge, 413, "content too large", true},
    ErrorRow{ErrorCode::kUriTooLong, 414, "URI too long", true},
    ErrorRow{ErrorCode::kExpectationFailed, 417, "expectation failed", true},
    ErrorRow{ErrorCode::kHeadTooLarge, 431, "request header fields too large", true},
    ErrorRow{ErrorCode::kMethodNotSupported, 501, "method not implemented", true},
    ErrorRow{ErrorCode::kTransferCodingUnknown, 501, "transfer coding not implemented", true},
    ErrorRow{ErrorCode::kVersionNotSupported, 505, "HTTP version not supported", true},
    ErrorRow{ErrorCode::kClientGone, 499, "client gone", true},
    ErrorRow{ErrorCode::kNoRoute, 404, "not found", false},
    ErrorRow{ErrorCode::kRouteFailed, 500, "internal server error", false},
    ErrorRow{ErrorCode::kNoEndpoints, 503, "service unavailable", false},
    ErrorRow{ErrorCode::kConnectFailed, 502, "bad gateway", false},
    ErrorRow{ErrorCode::kUpstreamReset, 502, "bad gateway", false},
    ErrorRow{ErrorCode::kBadResponse, 502, "bad gateway", false},
    ErrorRow{ErrorCode::kUpstreamTimeout, 504, "gateway timeout", false},
    ErrorRow{ErrorCode::kResponseTruncated, 502, "bad gateway", true},
    ErrorRow{ErrorCode::kFilterFailed, 500, "internal server error", false},
    ErrorRow{ErrorCode::kOverload, 503, "service unavailable", false},
};

}  // namespace

const ErrorRow* find_error_row(ErrorCode code) {
  for (const ErrorRow& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace ingress::proxy
