#include "http/hop_by_hop.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/text.h"

namespace ingress::http {
namespace {

// More options than this in Connection are no honest message; what the rest names stays. Keeps the
// cost at 64 times the number of fields.
constexpr std::size_t kMaxOptions = 64;

constexpr Headers::IdSet kHopByHop =
    Headers::bit(HeaderId::kConnection) | Headers::bit(HeaderId::kContentLength) |
    Headers::bit(HeaderId::kKeepAlive) | Headers::bit(HeaderId::kProxyAuthenticate) |
    Headers::bit(HeaderId::kProxyAuthorization) | Headers::bit(HeaderId::kProxyConnection) |
    Headers::bit(HeaderId::kTe) | Headers::bit(HeaderId::kTransferEncoding) |
    Headers::bit(HeaderId::kUpgrade);

// Fields that are never about one connection (RFC 9110 7.6.1). A client that could have them removed
// would have the backend see a request without its credentials, host or meaning.
constexpr std::array<std::string_view, 18> kEndToEnd = {
    "accept",   "authorization", "cache-control", "content-encoding", "content-range", "content-type",
    "cookie",   "date",          "etag",          "expect",           "expires",       "host",
    "location", "range",         "set-cookie",    "trailer",          "vary",          "www-authenticate"};

bool is_end_to_end(std::string_view name) {
  return std::ranges::any_of(
      kEndToEnd, [name](std::string_view known) { return base::equals_ignore_case(known, name); });
}

// Removes the fields that Connection names, itself excepted.
void remove_named(Headers& headers) {
  std::array<std::string_view, kMaxOptions> options;
  std::size_t num_options = 0;
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    std::string_view rest = field.value;
    while (num_options < kMaxOptions) {
      const auto option = base::next_list_token(rest);
      if (!option) break;
      options[num_options++] = *option;
    }
  }
  const auto named = std::span(options).first(num_options);
  headers.retain([named](const HeaderField& field) {
    return field.id == HeaderId::kConnection ||
           std::ranges::none_of(named, [&field](std::string_view option) {
             return base::equals_ignore_case(option, field.name) && !is_end_to_end(field.name);
           });
  });
}

}  // namespace

void strip_hop_by_hop(Headers& headers) {
  if (!headers.has_any(kHopByHop)) return;
  // Mostly it says that and no more, which names a field that goes anyhow.
  if (headers.get(HeaderId::kConnection).value_or("keep-alive") != "keep-alive") remove_named(headers);
  headers.remove_any(kHopByHop);
}

}  // namespace ingress::http
