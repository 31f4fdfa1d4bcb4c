#include "proxyd/option_values.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

namespace proxyd {
namespace {

constexpr std::int64_t kMaxDurationMs = 24 * 60 * 60 * 1000;
constexpr unsigned kMaxWorkers = 1024;
// sockaddr_un::sun_path, with its final zero.
constexpr std::size_t kMaxUnixPathBytes = 107;

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_ip(int family, const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(family, text.c_str(), bytes) == 1;
}

// RFC 1123 label, as Kubernetes names namespaces, Services and ports.
bool is_label(std::string_view text) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return is_alnum(c) || c == '-'; });
}

// RFC 1123 subdomain, as Kubernetes names Secrets.
bool is_subdomain(std::string_view text) {
  if (text.size() > 253) return false;
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!is_label(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_label(text);
}

}  // namespace

ValueOr<ingress::Listener> parse_listen_address(std::string_view text, UnixPaths unix_paths) {
  ingress::Listener listener;
  if (text.starts_with("unix:")) {
    if (unix_paths == UnixPaths::kRefused) return std::unexpected("a unix socket is not possible here");
    const std::string_view path = text.substr(5);
    if (!path.starts_with('/') || path.size() > kMaxUnixPathBytes)
      return std::unexpected(fmt::format("\"{}\": the path must be absolute and have at most {} bytes", text,
                                         kMaxUnixPathBytes));
    listener.address = text;
    return listener;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::unexpected(
        fmt::format("\"{}\": expected ADDRESS:PORT, such as 127.0.0.1:8080 or [::1]:8080", text));
  std::string address(text.substr(0, colon));
  const bool has_brackets = address.size() > 2 && address.front() == '[' && address.back() == ']';
  if (has_brackets) address = address.substr(1, address.size() - 2);
  if (!is_ip(has_brackets ? AF_INET6 : AF_INET, address))
    return std::unexpected(fmt::format(
        "\"{}\": the address must be an IPv4 address or an IPv6 address in brackets, such as [::1]:8080",
        text));
  const auto port = to_number(text.substr(colon + 1));
  if (!port || *port > 65535)
    return std::unexpected(fmt::format("\"{}\": the port must be 0 to 65535", text));
  listener.address = std::move(address);
  listener.port = static_cast<std::uint16_t>(*port);
  return listener;
}

ValueOr<ingress::StreamAddress> parse_stream_address(std::string_view text) {
  if (text.starts_with("unix:") || text.starts_with('[')) {
    auto listener = parse_listen_address(text, UnixPaths::kAllowed);
    if (!listener) return std::unexpected(std::move(listener.error()));
    return ingress::StreamAddress{.host = std::move(listener->address), .port = listener->port};
  }
  const std::size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, std::min(colon, text.size()));
  const std::uint64_t port =
      colon == std::string_view::npos ? 0 : to_number(text.substr(colon + 1)).value_or(0);
  if (host.empty() || host.contains(':') || port == 0 || port > 65535)
    return std::unexpected(
        fmt::format("\"{}\": expected unix:PATH or HOST:PORT, such as controller.example:9443", text));
  return ingress::StreamAddress{.host = std::string(host), .port = static_cast<std::uint16_t>(port)};
}

ValueOr<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = to_number(text.substr(0, digits));
  const std::string_view unit = text.substr(digits);
  std::uint64_t factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s") factor = 1000;
  if (unit == "m") factor = 60'000;
  if (unit == "h") factor = 3'600'000;
  if (unit.empty() && number == 0u) factor = 1;
  if (!number || factor == 0)
    return std::unexpected(fmt::format("\"{}\": expected a duration such as 500ms, 30s, 2m or 1h", text));
  if (*number > kMaxDurationMs / factor) return std::unexpected(fmt::format("\"{}\": at most 24h", text));
  return std::chrono::milliseconds(*number * factor);
}

ValueOr<ingress::controller::DefaultBackend> parse_default_backend(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::size_t colon = text.rfind(':');
  const auto refusal = std::unexpected(
      fmt::format("\"{}\": expected NAMESPACE/SERVICE:PORT, such as default/fallback:80", text));
  if (slash == std::string_view::npos || colon == std::string_view::npos || colon < slash) return refusal;
  ingress::controller::DefaultBackend backend;
  backend.namespace_ = text.substr(0, slash);
  backend.service = text.substr(slash + 1, colon - slash - 1);
  const std::string_view port = text.substr(colon + 1);
  if (!is_label(backend.namespace_) || !is_label(backend.service)) return refusal;
  if (const auto number = to_number(port)) {
    if (*number < 1 || *number > 65535)
      return std::unexpected(fmt::format("\"{}\": the port must be 1 to 65535", text));
    backend.port.number = static_cast<std::int64_t>(*number);
  } else if (is_label(port)) {
    backend.port.name = port;
  } else {
    return refusal;
  }
  return backend;
}

ValueOr<ingress::controller::DefaultCertificate> parse_default_certificate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_label(text.substr(0, slash)) ||
      !is_subdomain(text.substr(slash + 1)))
    return std::unexpected(
        fmt::format("\"{}\": expected NAMESPACE/NAME of a Secret, such as default/fallback-tls", text));
  return ingress::controller::DefaultCertificate{.namespace_ = std::string(text.substr(0, slash)),
                                                 .secret = std::string(text.substr(slash + 1))};
}

ValueOr<std::uint16_t> parse_public_port(std::string_view text) {
  const auto number = to_number(text);
  if (!number || *number < 1 || *number > 65535)
    return std::unexpected(fmt::format("\"{}\": the port must be 1 to 65535", text));
  return static_cast<std::uint16_t>(*number);
}

ValueOr<ingress::TlsPreset> parse_tls_preset(std::string_view text) {
  if (text == "intermediate") return ingress::TlsPreset::kIntermediate;
  if (text == "modern") return ingress::TlsPreset::kModern;
  return std::unexpected(fmt::format("\"{}\": expected intermediate or modern", text));
}

ValueOr<ingress::HstsScope> parse_hsts_scope(std::string_view text) {
  if (text == "host") return ingress::HstsScope::kHost;
  if (text == "subdomains") return ingress::HstsScope::kSubdomains;
  if (text == "preload") return ingress::HstsScope::kPreload;
  return std::unexpected(fmt::format("\"{}\": expected host, subdomains or preload", text));
}

ValueOr<std::chrono::seconds> parse_hsts_max_age(std::string_view text) {
  constexpr std::uint64_t kTenYears = std::uint64_t{10} * 365 * 24 * 60 * 60;
  const auto number = to_number(text);
  if (!number || *number > kTenYears)
    return std::unexpected(fmt::format("\"{}\": expected seconds, at most {}", text, kTenYears));
  return std::chrono::seconds(*number);
}

ValueOr<ingress::SlashMerging> parse_slashes(std::string_view text) {
  if (text == "merge") return ingress::SlashMerging::kMerge;
  if (text == "keep") return ingress::SlashMerging::kKeep;
  return std::unexpected(fmt::format("\"{}\": expected merge or keep", text));
}

ValueOr<ingress::AmbiguousPaths> parse_ambiguous_paths(std::string_view text) {
  if (text == "reject") return ingress::AmbiguousPaths::kReject;
  if (text == "reject_hidden_dots") return ingress::AmbiguousPaths::kRejectHiddenDots;
  if (text == "keep") return ingress::AmbiguousPaths::kKeep;
  return std::unexpected(fmt::format("\"{}\": expected reject, reject_hidden_dots or keep", text));
}

ValueOr<ingress::HeadersWithUnderscores> parse_headers_with_underscores(std::string_view text) {
  if (text == "drop") return ingress::HeadersWithUnderscores::kDrop;
  if (text == "reject") return ingress::HeadersWithUnderscores::kReject;
  if (text == "allow") return ingress::HeadersWithUnderscores::kAllow;
  return std::unexpected(fmt::format("\"{}\": expected drop, reject or allow", text));
}

ValueOr<std::string> parse_zone(std::string_view text) {
  const auto is_good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (text.empty() || text.size() > 63 || !std::ranges::all_of(text, is_good))
    return std::unexpected(
        fmt::format("\"{}\": expected at most 63 letters, digits, '-', '_' and '.'", text));
  return std::string(text);
}

ValueOr<unsigned> parse_workers(std::string_view text) {
  const auto number = to_number(text);
  if (!number || *number < 1 || *number > kMaxWorkers)
    return std::unexpected(fmt::format("\"{}\": the number of workers must be 1 to {}", text, kMaxWorkers));
  return static_cast<unsigned>(*number);
}

}  // namespace proxyd
