#include "upstream/grpc_health.h"

#include <utility>

#include "base/text.h"
#include "http/grpc.h"
#include "http/grpc_health.h"

namespace ingress::upstream {
namespace {

GrpcHealthAnswer::Verdict bad(std::string reason) {
  return {.is_serving = false, .reason = std::move(reason)};
}

// Those that say what to mend get a name.
std::string reason_of_status(std::string_view status) {
  if (status.empty()) return "no_grpc_status";
  const auto code = base::parse_decimal<std::uint8_t>(status);
  if (!code) return "bad_grpc_status";
  if (*code == static_cast<unsigned>(http::GrpcStatus::kUnimplemented)) return "health_unimplemented";
  constexpr std::uint8_t kNotFound = 5;
  if (*code == kNotFound) return "unknown_service";
  return "grpc_status_" + std::to_string(*code);
}

}  // namespace

void write_health_call(RequestHead& head, std::string_view authority, std::chrono::milliseconds timeout) {
  head.set_method_view("POST");
  head.set_target_view("/grpc.health.v1.Health/Check", "", false);
  head.set_authority_view(authority, 0, authority);
  Headers& headers = head.headers();
  headers.add("content-type", http::kGrpcContentType);
  headers.add("te", "trailers");
  headers.add("grpc-timeout", http::write_grpc_timeout(timeout));
  headers.add("user-agent", "proxyd-health-check");
}

std::optional<GrpcHealthAnswer::Verdict> GrpcHealthAnswer::take_head(const ResponseHead& head) {
  if (head.status() != 200) return bad("status_" + std::to_string(head.status()));
  const auto type = head.headers().get(HeaderId::kContentType);
  if (!type || http::grpc_kind(*type) != http::GrpcKind::kGrpc) return bad("not_grpc");
  if (const auto status = head.headers().get("grpc-status")) status_ = *status;
  return std::nullopt;
}

std::optional<GrpcHealthAnswer::Verdict> GrpcHealthAnswer::take_body(base::Chain&& piece) {
  if (body_.size() + piece.size_bytes() > kMaxBodyBytes) return bad("bad_health_response");
  while (!piece.is_empty()) {
    const base::Slice slice = piece.take_front();
    body_.append(slice.view());
  }
  return std::nullopt;
}

GrpcHealthAnswer::Verdict GrpcHealthAnswer::end(const Headers& trailers) const {
  const std::string_view status = trailers.get("grpc-status").value_or(status_);
  if (status != "0") return bad(reason_of_status(status));
  const auto serving = http::read_health_response(body_);
  if (!serving) return bad("bad_health_response");
  switch (*serving) {
    case http::ServingStatus::kServing:
      return {.is_serving = true, .reason = "serving"};
    case http::ServingStatus::kNotServing:
      return bad("not_serving");
    case http::ServingStatus::kServiceUnknown:
      return bad("unknown_service");
    case http::ServingStatus::kUnknown:
      break;
  }
  return bad("serving_unknown");
}

}  // namespace ingress::upstream
