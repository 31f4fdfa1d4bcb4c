#include "http/grpc.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"

namespace ingress::http {
namespace {

constexpr std::int64_t kMaxDigits = 99'999'999;

bool has_prefix(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && base::equals_ignore_case(text.substr(0, prefix.size()), prefix);
}

// What is behind the type: nothing, "+proto", or parameters.
bool is_type_end(std::string_view rest) {
  return rest.empty() || rest[0] == '+' || rest[0] == ';' || rest[0] == ' ' || rest[0] == '\t';
}

}  // namespace

GrpcKind grpc_kind(std::string_view content_type) {
  if (!has_prefix(content_type, kGrpcContentType)) return GrpcKind::kNone;
  std::string_view rest = content_type.substr(kGrpcContentType.size());
  if (is_type_end(rest)) return GrpcKind::kGrpc;
  constexpr std::string_view kWeb = "-web";
  if (!has_prefix(rest, kWeb)) return GrpcKind::kNone;
  rest.remove_prefix(kWeb.size());
  if (is_type_end(rest)) return GrpcKind::kWeb;
  constexpr std::string_view kText = "-text";
  if (!has_prefix(rest, kText)) return GrpcKind::kNone;
  return is_type_end(rest.substr(kText.size())) ? GrpcKind::kWebText : GrpcKind::kNone;
}

GrpcStatus to_grpc_status(std::uint16_t http_status) {
  switch (http_status) {
    case 400:
      return GrpcStatus::kInternal;
    case 401:
      return GrpcStatus::kUnauthenticated;
    case 403:
      return GrpcStatus::kPermissionDenied;
    case 404:
      return GrpcStatus::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcStatus::kUnavailable;
    default:
      return GrpcStatus::kUnknown;
  }
}

std::string encode_grpc_message(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '%') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::optional<std::chrono::milliseconds> parse_grpc_timeout(std::string_view value) {
  using std::chrono::ceil, std::chrono::milliseconds;
  constexpr std::size_t kMaxSize = 9;  // 8 digits and the unit
  if (value.size() < 2 || value.size() > kMaxSize) return std::nullopt;
  const auto digits = base::parse_decimal<std::uint32_t>(value.substr(0, value.size() - 1));
  if (!digits) return std::nullopt;
  const std::int64_t count = *digits;
  std::chrono::milliseconds time{0};
  switch (value.back()) {
    case 'H':
      time = std::chrono::hours(count);
      break;
    case 'M':
      time = std::chrono::minutes(count);
      break;
    case 'S':
      time = std::chrono::seconds(count);
      break;
    case 'm':
      time = milliseconds(count);
      break;
    case 'u':
      time = ceil<milliseconds>(std::chrono::microseconds(count));
      break;
    case 'n':
      time = ceil<milliseconds>(std::chrono::nanoseconds(count));
      break;
    default:
      return std::nullopt;
  }
  return std::min(time, kMaxGrpcTimeout);
}

std::string write_grpc_timeout(std::chrono::milliseconds left) {
  const std::int64_t ms = std::max<std::int64_t>(left.count(), 0);
  if (ms <= kMaxDigits) return std::to_string(ms) + 'm';
  return std::to_string(std::min(ms / 1000, kMaxDigits)) + 'S';
}

}  // namespace ingress::http
