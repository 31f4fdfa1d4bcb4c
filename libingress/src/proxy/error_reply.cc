#include "proxy/error_reply.h"

#include <array>

namespace ingress::proxy {

namespace {

constexpr std::array kRows = {
    ErrorRow{ErrorCode::kBadRequest, 400, "bad request"},
    ErrorRow{ErrorCode::kRequestTimeout, 408, "request timeout"},
    ErrorRow{ErrorCode::kBodyTooLarge, 413, "content too large"},
    ErrorRow{ErrorCode::kUriTooLong, 414, "URI too long"},
    ErrorRow{ErrorCode::kExpectationFailed, 417, "expectation failed"},
    ErrorRow{ErrorCode::kHeadTooLarge, 431, "request header fields too large"},
    ErrorRow{ErrorCode::kMethodNotSupported, 501, "method not implemented"},
    ErrorRow{ErrorCode::kTransferCodingUnknown, 501, "transfer coding not implemented"},
    ErrorRow{ErrorCode::kVersionNotSupported, 505, "HTTP version not supported"},
    ErrorRow{ErrorCode::kClientGone, 499, "client gone"},
    ErrorRow{ErrorCode::kNoRoute, 404, "not found"},
    ErrorRow{ErrorCode::kRouteFailed, 500, "internal server error"},
    ErrorRow{ErrorCode::kNoEndpoints, 503, "service unavailable"},
    ErrorRow{ErrorCode::kConnectFailed, 502, "bad gateway"},
    ErrorRow{ErrorCode::kUpstreamReset, 502, "bad gateway"},
    ErrorRow{ErrorCode::kBadResponse, 502, "bad gateway"},
    ErrorRow{ErrorCode::kUpstreamTimeout, 504, "gateway timeout"},
    ErrorRow{ErrorCode::kResponseTruncated, 502, "bad gateway"},
    ErrorRow{ErrorCode::kFilterFailed, 500, "internal server error"},
    ErrorRow{ErrorCode::kOverload, 503, "service unavailable"},
};

}  // namespace

const ErrorRow* find_error_row(ErrorCode code) {
  for (const ErrorRow& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace ingress::proxy
