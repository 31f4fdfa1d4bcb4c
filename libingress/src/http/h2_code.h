// Why a stream or a connection of HTTP/2 ends (RFC 9113 7).
#pragma once

#include <cstdint>

namespace ingress::http {

enum class H2Code : std::uint32_t {
  kNoError = 0,
  kProtocolError = 1,
  kInternalError = 2,
  kStreamClosed = 5,
  kRefusedStream = 7,
  kCancel = 8,
  kEnhanceYourCalm = 11,
};

}  // namespace ingress::http
