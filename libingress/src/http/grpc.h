// The words of gRPC over HTTP/2 (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md) that a proxy has to know:
// which requests are calls, statuses, deadlines.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ingress::http {

enum class GrpcStatus : std::uint8_t {
  kOk = 0,
  kUnknown = 2,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

inline constexpr std::string_view kGrpcContentType = "application/grpc";

// What a Content-Type says of a call.
enum class GrpcKind : std::uint8_t {
  kNone,
  kGrpc,     // application/grpc, also with "+proto" and parameters
  kWeb,      // application/grpc-web
  kWebText,  // application/grpc-web-text: the same in base64
};
GrpcKind grpc_kind(std::string_view content_type);

// doc/http-grpc-status-mapping.md of the same repository.
GrpcStatus to_grpc_status(std::uint16_t http_status);

// A text as the value of grpc-message: percent-encoded, so that it is one of a header field.
std::string encode_grpc_message(std::string_view text);

// A value of grpc-timeout: up to 8 digits and a unit. Rounded up to milliseconds, at most kMaxGrpcTimeout (a
// year, beyond which nobody counts); nullopt when it is none.
inline constexpr std::chrono::milliseconds kMaxGrpcTimeout = std::chrono::hours(24 * 365);
std::optional<std::chrono::milliseconds> parse_grpc_timeout(std::string_view value);
// The other way, in the smallest unit that has room for it; what has gone by is 0.
std::string write_grpc_timeout(std::chrono::milliseconds left);

}  // namespace ingress::http
