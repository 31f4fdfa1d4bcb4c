#include "policy/forwarding_headers.h"

#include <charconv>

namespace ingress::policy {

namespace {

bool is_ours(HeaderId id) {
  switch (id) {
    case HeaderId::kForwarded:
    case HeaderId::kXForwardedFor:
    case HeaderId::kXForwardedHost:
    case HeaderId::kXForwardedPort:
    case HeaderId::kXForwardedProto:
    case HeaderId::kXRequestId:
      return true;
    default:
      return false;
  }
}

// Backends that put fields into variables (CGI, WSGI, PHP) read X_Forwarded_For as X-Forwarded-For and
// Content_Length as Content-Length: with such names a client would speak in our place.
bool has_underscore(const HeaderField& field) {
  return field.id == HeaderId::kOther && field.name.find('_') != field.name.npos;
}

// The port of the URL that the client asked for: as written in Host, otherwise the scheme's own. The port
// we listen on says less, since a Service or a host port in front of us may map another one to it.
std::string_view port_of(std::string_view authority) {
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos) return {};
  return authority.substr(colon + 1);
}

}  // namespace

void set_forwarding_headers(Headers& headers, const ClientFacts& facts) {
  headers.retain([](const HeaderField& field) { return !is_ours(field.id) && !has_underscore(field); });
  headers.add_view("X-Forwarded-For", facts.address, HeaderId::kXForwardedFor);
  headers.add_view("X-Forwarded-Proto", facts.scheme, HeaderId::kXForwardedProto);
  if (!facts.authority.empty()) {
    headers.add_view("X-Forwarded-Host", facts.authority, HeaderId::kXForwardedHost);
  }
  std::string_view port = port_of(facts.authority);
  char digits[5];
  if (port.empty() && !facts.authority.empty()) port = facts.scheme == "https" ? "443" : "80";
  if (port.empty()) {
    const auto end = std::to_chars(digits, digits + sizeof digits, facts.listener_port).ptr;
    port = headers.keep({digits, static_cast<std::size_t>(end - digits)});
  }
  headers.add_view("X-Forwarded-Port", port, HeaderId::kXForwardedPort);
  headers.add_view("X-Request-Id", facts.request_id, HeaderId::kXRequestId);
}

void write_request_id(std::string& out, std::uint64_t high, std::uint64_t low) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.resize(32);
  for (int i = 0; i < 16; ++i) {
    out[15 - i] = kHex[(high >> (4 * i)) & 15];
    out[31 - i] = kHex[(low >> (4 * i)) & 15];
  }
}

}  // namespace ingress::policy
