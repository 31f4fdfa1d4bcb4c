#include "http/upgrade.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/text.h"

namespace ingress::http {
namespace {

// Protocols under which a client would send requests that we do not see.
constexpr std::array<std::string_view, 5> kRefused = {"h2", "h2c", "h3", "http", "tls"};

// protocol-name ["/" protocol-version], both tokens.
bool is_protocol(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return base::is_token(text);
  return base::is_token(text.substr(0, slash)) && base::is_token(text.substr(slash + 1));
}

bool is_refused(std::string_view protocol) {
  const std::string_view name = protocol.substr(0, protocol.find('/'));
  return std::ranges::any_of(
      kRefused, [name](std::string_view known) { return base::equals_ignore_case(known, name); });
}

// The value of the one field of that name; "" when there are none or several.
std::string_view only_value(const Headers& headers, HeaderId id) {
  if (!headers.has(id)) return {};
  std::string_view value;
  std::size_t count = 0;
  for (const HeaderField& field : headers) {
    if (field.id != id) continue;
    value = field.value;
    ++count;
  }
  return count == 1 ? value : std::string_view();
}

bool names_upgrade(const Headers& headers) {
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    std::string_view rest = field.value;
    while (const auto option = base::next_list_token(rest)) {
      if (base::equals_ignore_case(*option, "upgrade")) return true;
    }
  }
  return false;
}

}  // namespace

std::string_view offered_upgrade(const RequestHead& head, BodyFraming framing) {
  const Headers& headers = head.headers();
  const std::string_view value = only_value(headers, HeaderId::kUpgrade);
  if (value.empty() || head.version() == HttpVersion::kHttp10 || !names_upgrade(headers)) return {};
  const bool is_bodiless =
      framing.kind == BodyKind::kNone || (framing.kind == BodyKind::kLength && framing.length == 0);
  if (!is_bodiless) return {};
  std::size_t count = 0;
  std::string_view rest = value;
  while (const auto protocol = base::next_list_token(rest)) {
    if (!is_protocol(*protocol) || is_refused(*protocol)) return {};
    ++count;
  }
  return count == 0 ? std::string_view() : value;
}

std::string_view accepted_upgrade(const ResponseHead& head, std::string_view offered) {
  const Headers& headers = head.headers();
  const std::string_view accepted = only_value(headers, HeaderId::kUpgrade);
  // RFC 9110 8.6, RFC 9112 6.1: neither field has a place here; who announces a body may send one.
  const bool has_body = headers.has(HeaderId::kTransferEncoding) ||
                        (headers.has(HeaderId::kContentLength) && content_length(headers) != 0);
  if (accepted.empty() || has_body || head.version() != HttpVersion::kHttp11) return {};
  while (const auto protocol = base::next_list_token(offered)) {
    if (base::equals_ignore_case(*protocol, accepted)) return accepted;
  }
  return {};
}

}  // namespace ingress::http
