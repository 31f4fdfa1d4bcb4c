#include "proxy/error_reply.h"

#include <array>

namespace ingress::proxy {

namespace {

constexpr std::array kRows = {
    ErrorRow{ErrorCode::kBadRequest, 400},          ErrorRow{ErrorCode::kRequestTimeout, 408},
    ErrorRow{ErrorCode::kBodyTooLarge, 413},        ErrorRow{ErrorCode::kUriTooLong, 414},
    ErrorRow{ErrorCode::kExpectationFailed, 417},   ErrorRow{ErrorCode::kHeadTooLarge, 431},
    ErrorRow{ErrorCode::kMethodNotSupported, 501},  ErrorRow{ErrorCode::kTransferCodingUnknown, 501},
    ErrorRow{ErrorCode::kVersionNotSupported, 505}, ErrorRow{ErrorCode::kClientGone, 499},
    ErrorRow{ErrorCode::kMisdirected, 421},         ErrorRow{ErrorCode::kNoRoute, 404},
    ErrorRow{ErrorCode::kRouteFailed, 500},         ErrorRow{ErrorCode::kNoEndpoints, 503},
    ErrorRow{ErrorCode::kResolveFailed, 502},       ErrorRow{ErrorCode::kAddressRefused, 502},
    ErrorRow{ErrorCode::kCircuitOpen, 503},         ErrorRow{ErrorCode::kConnectFailed, 502},
    ErrorRow{ErrorCode::kUpstreamTls, 502},         ErrorRow{ErrorCode::kUpstreamReset, 502},
    ErrorRow{ErrorCode::kStaleConnection, 502},     ErrorRow{ErrorCode::kBadResponse, 502},
    ErrorRow{ErrorCode::kUpstreamTimeout, 504},     ErrorRow{ErrorCode::kResponseTruncated, 502},
    ErrorRow{ErrorCode::kFilterFailed, 500},        ErrorRow{ErrorCode::kOverload, 503},
};

}  // namespace

const ErrorRow* find_error_row(ErrorCode code) {
  for (const ErrorRow& row : kRows) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace ingress::proxy
