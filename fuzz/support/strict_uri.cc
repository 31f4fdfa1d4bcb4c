#include "support/strict_uri.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace ingress::fuzzing {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}

bool is_unreserved(char c) {  // 2.3
  return is_one_of(c, kLetters) || is_one_of(c, kDigits) || is_one_of(c, "-._~");
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '!' && c <= '~'; });
}

// 6.2.2.1 and 6.2.2.2: escapes of unreserved characters decoded, the others with upper case digits.
std::optional<std::string> decode_unreserved(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::string digits(text.substr(i + 1, 2));
    if (digits.size() < 2 || digits.find_first_not_of(kHexDigits) != digits.npos) return std::nullopt;
    const char byte = static_cast<char>(std::strtol(digits.c_str(), nullptr, 16));
    if (byte == '\0') return std::nullopt;
    if (is_unreserved(byte)) {
      out += byte;
    } else {
      out += '%';
      for (const char digit : digits) out += static_cast<char>(std::toupper(digit));
    }
    i += 2;
  }
  return out;
}

// 5.2.4, step by step as it is written there.
std::string remove_dot_segments(std::string input) {
  std::string output;
  while (!input.empty()) {
    if (input.starts_with("../")) {
      input.erase(0, 3);
    } else if (input.starts_with("./") || input.starts_with("/./")) {
      input.erase(0, 2);
    } else if (input == "/.") {
      input = "/";
    } else if (input.starts_with("/../") || input == "/..") {
      input.replace(0, input == "/.." ? 3 : 4, "/");
      output.erase(std::min(output.rfind('/'), output.size()));
    } else if (input == "." || input == "..") {
      input.clear();
    } else {
      const std::size_t next = std::min(input.find('/', 1), input.size());
      output += input.substr(0, next);
      input.erase(0, next);
    }
  }
  return output;
}

std::string lower(std::string text) {
  for (char& c : text) c = is_one_of(c, kLetters) ? static_cast<char>(c | 0x20) : c;
  return text;
}

bool is_ipv6(const std::string& text) {
  in6_addr address;
  return text.find('\0') == text.npos && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool read_authority(std::string_view text, StrictTarget& out) {
  std::string host(text);
  std::string port;
  bool has_port = false;
  const std::size_t search_from = text.starts_with('[') ? std::min(text.find(']'), text.size()) : 0;
  const std::size_t colon = text.find(':', search_from);
  if (colon != text.npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  if (host.starts_with('[')) {
    if (!host.ends_with(']') || !is_ipv6(host.substr(1, host.size() - 2))) return false;
  } else {
    const bool is_name = !host.empty() && host.size() <= 255 && host[0] != '.' &&
                         host.find("..") == host.npos && std::all_of(host.begin(), host.end(), [](char c) {
                           return is_one_of(c, kLetters) || is_one_of(c, kDigits) || is_one_of(c, "-._");
                         });
    if (!is_name) return false;
  }
  if (!port.empty()) {
    if (port.find_first_not_of(kDigits) != port.npos || port.size() > 5) return false;
    out.port = static_cast<unsigned>(std::atoi(port.c_str()));
    if (out.port == 0 || out.port > 65535) return false;
  }
  out.authority = has_port && port.empty() ? host : std::string(text);
  out.host = lower(host);
  return true;
}

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  while (text.find(from) != text.npos) text.replace(text.find(from), from.size(), to);
  return text;
}

// As somebody reads it who decodes separators first and cuts parameters off.
bool has_hidden_dots(const std::string& path) {
  std::string again = replace_all(replace_all(path, "%2F", "/"), "%5C", "/");
  again = replace_all(again, "%3B", ";") + "/";
  while (again.find(';') != again.npos) {
    const std::size_t begin = again.find(';');
    again.erase(begin, again.find('/', begin) - begin);
  }
  return again.find("/./") != again.npos || again.find("/../") != again.npos;
}

bool has_marks(const std::string& path) {
  const std::string text = lower(path);
  for (const char* mark : {";", "%2f", "%5c", "%252e", "%252f", "%255c"}) {
    if (text.find(mark) != text.npos) return true;
  }
  return false;
}

bool read_path_and_query(std::string_view text, const StrictPaths& options, StrictTarget& out) {
  const std::size_t mark = text.find('?');
  const auto path = strict_path(text.substr(0, mark), options);
  if (!path) return false;
  out.path = *path;
  if (mark == text.npos) return true;
  out.query = text.substr(mark + 1);
  return is_printable(*out.query) && out.query->find('#') == std::string::npos;
}

}  // namespace

std::optional<std::string> strict_path(std::string_view path, const StrictPaths& options) {
  if (!path.starts_with('/') || !is_printable(path) || path.find_first_of("\\?#") != path.npos) {
    return std::nullopt;
  }
  auto decoded = decode_unreserved(path);
  if (!decoded) return std::nullopt;
  std::string normal = remove_dot_segments(*decoded);
  if (options.merges_slashes) normal = replace_all(normal, "//", "/");
  if (options.refuses_hidden_dots && has_hidden_dots(normal)) return std::nullopt;
  if (options.refuses_marks && has_marks(normal)) return std::nullopt;
  return normal;
}

std::optional<StrictTarget> strict_target(std::string_view method, std::string_view target,
                                          const std::optional<std::string>& host_field,
                                          bool allows_empty_host, const StrictPaths& paths) {
  StrictTarget out;
  if (method == "CONNECT") return std::nullopt;
  const bool is_host_left_out = !host_field || (host_field->empty() && allows_empty_host);
  if (!is_host_left_out && !read_authority(*host_field, out)) return std::nullopt;
  if (target == "*") {
    out.path = "*";
    return method == "OPTIONS" ? std::optional(out) : std::nullopt;
  }
  if (target.starts_with('/'))
    return read_path_and_query(target, paths, out) ? std::optional(out) : std::nullopt;
  const std::string start = lower(std::string(target.substr(0, 8)));
  if (!start.starts_with("http://") && start != "https://") return std::nullopt;
  const std::string_view rest = target.substr(start.starts_with("http://") ? 7 : 8);
  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  out = {};
  if (!read_authority(rest.substr(0, authority_end), out)) return std::nullopt;
  const std::string_view behind = rest.substr(authority_end);
  if (behind.empty() && method == "OPTIONS") {
    out.path = "*";
    return out;
  }
  const std::string full = behind.starts_with('/') ? std::string(behind) : "/" + std::string(behind);
  return read_path_and_query(full, paths, out) ? std::optional(out) : std::nullopt;
}

}  // namespace ingress::fuzzing
