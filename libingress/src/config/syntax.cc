#include "config/syntax.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdint>

#include "base/text.h"

namespace ingress::config {
namespace {

constexpr std::size_t kMaxQuotedBytes = 80;

bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_visible(char c) {
  return c > 0x20 && c < 0x7f;
}
bool is_hex(char c) {
  return base::is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_label(std::string_view label, Letters letters) {
  if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
  return std::ranges::all_of(label, [&](char c) {
    return is_lower(c) || base::is_digit(c) || c == '-' || c == '_' ||
           (letters == Letters::kAnyCase && is_upper(c));
  });
}

// "." and ".." never occur in a normalised path; percent-encoded ones are decoded by then.
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

bool has_bad_percent(std::string_view path) {
  for (std::size_t i = path.find('%'); i != std::string_view::npos; i = path.find('%', i + 1)) {
    if (i + 2 >= path.size() || !is_hex(path[i + 1]) || !is_hex(path[i + 2])) return true;
    if (path[i + 1] == '0' && path[i + 2] == '0') return true;
  }
  return false;
}

}  // namespace

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c == ' ' || is_visible(c); });
}

bool is_why(std::string_view text) {
  return std::ranges::all_of(text,
                             [](char c) { return is_lower(c) || base::is_digit(c) || c == '_' || c == ':'; });
}

bool is_header_value(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (!text.empty() && (is_space(text.front()) || is_space(text.back()))) return false;
  while (!text.empty()) {
    const char c = text.front();
    if (c != '\t' && ((c >= 0 && c < 0x20) || c == 0x7f)) return false;
    const std::size_t length = base::utf8_sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_query_text(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return is_visible(c) && c != '#' && c != '&'; });
}

std::string canonical_address(std::string_view text) {
  std::string out = base::to_lower_ascii(text);
  in6_addr address;
  if (!base::is_ipv6_address(text) || inet_pton(AF_INET6, out.c_str(), &address) != 1) return out;
  char spelling[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &address, spelling, sizeof spelling) != nullptr ? spelling : out;
}

bool is_dns_name(std::string_view text, Letters letters) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    if (!is_label(label, letters)) return false;
    if (dot == std::string_view::npos) return !std::ranges::all_of(label, base::is_digit);
    text.remove_prefix(dot + 1);
  }
}

const char* host_pattern_fault(std::string_view pattern) {
  if (pattern.empty()) return "is empty";
  if (pattern.starts_with('[')) {
    const bool is_closed = pattern.size() > 2 && pattern.ends_with(']');
    if (!is_closed || !base::is_ipv6_address(pattern.substr(1, pattern.size() - 2)))
      return "is no IPv6 address in brackets";
    if (std::ranges::any_of(pattern, is_upper)) return "has upper case letters";
    return nullptr;
  }
  if (base::is_ipv4_address(pattern)) return nullptr;
  if (base::is_ipv6_address(pattern)) return "is an IPv6 address without brackets";
  if (pattern.find(':') != std::string_view::npos) return "has a port";
  std::string_view name = pattern;
  if (name.starts_with("**.")) {
    name.remove_prefix(3);
  } else if (name.starts_with("*.")) {
    name.remove_prefix(2);
  }
  if (name.find('*') != std::string_view::npos) return "has a '*' elsewhere than as its whole first label";
  if (is_dns_name(name, Letters::kLowerOnly)) return nullptr;
  return is_dns_name(name, Letters::kAnyCase) ? "has upper case letters" : "is no host name";
}

const char* server_name_fault(std::string_view pattern) {
  if (const char* fault = host_pattern_fault(pattern)) return fault;
  if (pattern.starts_with("**.")) return "has '**': a certificate is for one label more at most";
  // RFC 6066 3: "Literal IPv4 and IPv6 addresses are not permitted" as names of servers.
  if (pattern.starts_with('[') || base::is_ipv4_address(pattern))
    return "is an IP address, which no client names in a handshake";
  return nullptr;
}

const char* path_fault(std::string_view path) {
  if (!path.starts_with('/')) return "does not start with '/'";
  if (path.find('?') != std::string_view::npos) return "has a '?': a path match does not see the query";
  if (path.find('#') != std::string_view::npos) return "has a '#': a request never carries one";
  if (!std::ranges::all_of(path, is_visible)) return "has a space, control or non-ASCII byte";
  if (path.find('\\') != std::string_view::npos) return "has a '\\', which is refused in requests";
  if (has_bad_percent(path)) return "has a '%' that is not followed by two hex digits, or '%00'";
  if (has_dot_segment(path)) return "has a '.' or '..' segment";
  return nullptr;
}

std::string quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text.substr(0, kMaxQuotedBytes)) {
    if (c == ' ' || is_visible(c)) {
      out += c;
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  if (text.size() > kMaxQuotedBytes) out += "...";
  return out + "'";
}

}  // namespace ingress::config
