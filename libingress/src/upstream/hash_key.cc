#include "upstream/hash_key.h"

#include "http/request_values.h"

namespace ingress::upstream {
namespace {

std::optional<std::string_view> find_value(const ConsistentHash& settings, const RequestHead& head) {
  switch (settings.source) {
    case HashSource::kClientAddress:
      break;
    case HashSource::kHeader:
      return head.headers().get(settings.name);
    case HashSource::kCookie:
      return http::cookie(head.headers(), settings.name);
    case HashSource::kQueryParameter:
      return http::query_parameter(head.query(), settings.name);
    case HashSource::kPath:
      return head.path();
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string_view> hash_key(const ConsistentHash& settings, const PickRequest& request) {
  const bool is_address = settings.source == HashSource::kClientAddress;
  if (!is_address && request.head == nullptr) return std::nullopt;
  const auto key = is_address ? request.client_address : find_value(settings, *request.head);
  return key && !key->empty() ? key : std::nullopt;
}

}  // namespace ingress::upstream
