#include <fmt/format.h>

#include <string>
#include <string_view>
#include <unordered_set>

#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"

namespace ingress::config {
namespace {

bool is_host(std::string_view name) {
  return base::is_ip_address(name) || is_dns_name(name, Letters::kAnyCase);
}

// A scheme and something behind it (RFC 3986 3), without what no certificate could say.
bool is_uri(std::string_view text) {
  const std::size_t colon = text.find(':');
  return colon != text.npos && colon > 0 && colon + 1 < text.size() && is_printable(text) &&
         text.find(' ') == text.npos;
}

// Shown where configurations are.
void check_without_key(const std::string& pem, const FieldPath& field, Reporter& reporter) {
  if (pem.find("PRIVATE KEY-----") == std::string::npos) return;
  reporter.error(field, "holds a private key, which would be shown with it",
                 "leave only certificates in it, and make a new key if others have seen this one");
}

void check_client_certificate(const BackendTls& tls, const FieldPath& field, Reporter& reporter) {
  check_without_key(tls.client_certificate, field.at("client_certificate"), reporter);
  if (tls.client_certificate.empty() == tls.client_key.text.empty()) return;
  const bool lacks_key = tls.client_key.text.empty();
  reporter.error(
      field.at(lacks_key ? "client_key" : "client_certificate"),
      lacks_key ? "is empty, but there is a client_certificate" : "is empty, but there is a client_key",
      "set both, or neither");
}

void check_allowed_name(std::string_view name, const FieldPath& field, Reporter& reporter) {
  if (is_host(name) || is_uri(name)) return;
  reporter.error(field, fmt::format("is {}", quoted(name)),
                 "use a host name without wildcard, an IP address, or a URI with its scheme");
}

void warn_of_no_verification(const BackendTls& tls, const FieldPath& field, Reporter& reporter) {
  reporter.warning(field.at("verification"),
                   "is none: whoever stands between us and the backend can read and change everything",
                   "give a ca_bundle, and a server_name if the certificate is for another name");
  const char* const unused = !tls.ca_bundle.empty()       ? "ca_bundle"
                             : !tls.allowed_names.empty() ? "allowed_names"
                                                          : nullptr;
  if (unused != nullptr) {
    reporter.warning(field.at(unused), "has no effect: verification is none",
                     "remove it, or set verification to full");
  }
}

}  // namespace

void check_backend_tls(const BackendTls& tls, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(tls, field, reporter);
  if (!tls.server_name.empty() && !is_host(tls.server_name)) {
    reporter.error(field.at("server_name"), fmt::format("is {}", quoted(tls.server_name)),
                   "use a host name without port and wildcard, or an IP address");
  }
  check_without_key(tls.ca_bundle, field.at("ca_bundle"), reporter);
  check_client_certificate(tls, field, reporter);
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < tls.allowed_names.size(); ++i) {
    const std::string& name = tls.allowed_names[i];
    check_allowed_name(name, field.at("allowed_names", i), reporter);
    if (!names.insert(name).second) {
      reporter.error(field.at("allowed_names", i), fmt::format("is {} once more", quoted(name)),
                     "list it once");
    }
  }
  if (tls.min_version > tls.max_version) {
    reporter.error(field.at("min_version"), "is newer than max_version: no handshake could succeed",
                   "let it be at most max_version");
  }
  if (tls.verification == BackendVerification::kNone) warn_of_no_verification(tls, field, reporter);
}

}  // namespace ingress::config
