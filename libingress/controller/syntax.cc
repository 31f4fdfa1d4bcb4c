#include "controller/syntax.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/address_class.h"
#include "base/text.h"

namespace ingress::controller {
namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || base::is_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

std::optional<unsigned> hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// `text` with percent-encoded unreserved characters decoded and other hex digits in upper case.
std::expected<std::string, SyntaxError> normalize_percents(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_value(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return std::unexpected(
          SyntaxError{"has a '%' that two hex digits do not follow: no request can match it",
                      "write a literal percent sign as %25"});
    }
    const unsigned byte = *high * 16 + *low;
    if (byte == 0)
      return std::unexpected(SyntaxError{"contains %00, which no request may carry", "leave it out"});
    if (is_unreserved(static_cast<char>(byte))) {
      out.push_back(static_cast<char>(byte));
    } else {
      out.push_back('%');
      out.push_back(kHexDigits[*high]);
      out.push_back(kHexDigits[*low]);
    }
    i += 2;
  }
  return out;
}

bool has_dot_segment(std::string_view path) {
  std::size_t start = 1;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view segment = path.substr(start, end - start);
    if (segment == "." || segment == "..") return true;
    start = end + 1;
  }
  return false;
}

IpScope to_scope(base::AddressClass address_class) {
  switch (address_class) {
    case base::AddressClass::kOrdinary:
      return IpScope::kUsable;
    case base::AddressClass::kLoopback:
    case base::AddressClass::kLinkLocal:
      return IpScope::kLocal;
    case base::AddressClass::kUnspecified:
    case base::AddressClass::kMulticast:
    case base::AddressClass::kReserved:
      break;
  }
  return IpScope::kUnusable;
}

}  // namespace

std::string shown(std::string_view text, std::size_t max_bytes) {
  std::string out;
  for (const char c : text.substr(0, max_bytes)) {
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out.push_back(kHexDigits[byte >> 4]);
      out.push_back(kHexDigits[byte & 15]);
    }
  }
  if (text.size() > max_bytes) out += "...";
  return out;
}

std::string quoted(std::string_view text) {
  return '"' + shown(text) + '"';
}

std::expected<void, SyntaxError> check_host(std::string_view host) {
  if (host.empty()) return {};
  const std::string value = quoted(host);
  const auto error = [&](std::string why, std::string fix) {
    return std::unexpected(SyntaxError{value + ' ' + std::move(why), std::move(fix)});
  };
  if (parse_ip(host)) return error("is an IP address", "use a DNS name; leave host out to match any host");
  if (host == "*") return error("is no host pattern", "leave host out to match any host");
  if (host.size() > 253) return error("is longer than 253 bytes", "use a shorter name");
  if (host.find(':') != std::string_view::npos)
    return error("contains ':'", "write the name alone: a rule holds for every port");
  if (std::any_of(host.begin(), host.end(), [](char c) { return c >= 'A' && c <= 'Z'; }))
    return error("contains upper case letters", "write it in lower case: hosts match without regard to case");
  const bool is_wildcard = host.starts_with("*.");
  const std::string_view rest = is_wildcard ? host.substr(2) : host;
  if (rest.find('*') != std::string_view::npos)
    return error("has a '*' that is not its whole first label", "use *.name or an exact name");
  const std::string_view last = rest.substr(rest.rfind('.') + 1);
  if (!base::is_dns_name(rest) || std::all_of(last.begin(), last.end(), base::is_digit)) {
    return error("is no DNS name",
                 "use labels of letters, digits and '-', 63 bytes at most, joined by single dots");
  }
  return {};
}

std::expected<std::string, SyntaxError> canonical_path(std::string_view path) {
  const auto error = [&](std::string why, std::string fix) {
    return std::unexpected(SyntaxError{quoted(path) + ' ' + std::move(why), std::move(fix)});
  };
  if (path.empty() || path.front() != '/') return error("does not start with '/'", "start it with '/'");
  if (path.size() > kMaxPathBytes)
    return error("is longer than " + std::to_string(kMaxPathBytes) + " bytes", "use a shorter path");
  for (const char c : path) {
    if (c <= 0x20 || c >= 0x7f)
      return error("contains a space, control or non-ASCII byte", "percent-encode it (a space is %20)");
    if (c == '\\' || c == '?' || c == '#')
      return error(std::string("contains '") + c + "', which is never part of a request's path",
                   "leave it out");
  }
  if (path.find("//") != std::string_view::npos)
    return error("contains an empty segment (\"//\")", "write single slashes");
  auto normal = normalize_percents(path);
  if (!normal) return error(normal.error().why, normal.error().fix);
  if (has_dot_segment(*normal)) {
    return error("contains \".\" or \"..\" as a segment: requests are matched after those are removed",
                 "write the path without them");
  }
  return normal;
}

std::expected<IpAddress, SyntaxError> parse_ip(std::string_view text) {
  const auto error = [&] {
    return std::unexpected(SyntaxError{quoted(text) + " is no IP address", "write an IPv4 or IPv6 literal"});
  };
  // inet_pton wants a C string: a NUL inside must not end it early.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return error();
  const std::string terminated(text);
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  std::array<std::uint8_t, 4> v4{};
  if (inet_pton(AF_INET, terminated.c_str(), v4.data()) == 1) {
    inet_ntop(AF_INET, v4.data(), buffer.data(), buffer.size());
    return IpAddress{.text = buffer.data(), .is_v6 = false, .scope = to_scope(base::classify_v4(v4))};
  }
  std::array<std::uint8_t, 16> v6{};
  if (inet_pton(AF_INET6, terminated.c_str(), v6.data()) == 1) {
    inet_ntop(AF_INET6, v6.data(), buffer.data(), buffer.size());
    return IpAddress{.text = buffer.data(), .is_v6 = true, .scope = to_scope(base::classify_v6(v6))};
  }
  return error();
}

}  // namespace ingress::controller
