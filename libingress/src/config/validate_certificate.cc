#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "config/checks.h"
#include "config/syntax.h"
#include "config/validate.h"

namespace ingress::config {

void check_listener_tls(const ListenerTls& tls, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(tls, field, reporter);
  check_name(tls.default_certificate, field.at("default_certificate"), reporter);
  check_tls_policy(tls, field, reporter);
  if (tls.client_certificates)
    check_listener_clients(*tls.client_certificates, field.at("client_certificates"), reporter);
}

void check_server_name(std::string_view pattern, const FieldPath& field, Reporter& reporter) {
  if (const char* fault = server_name_fault(pattern)) {
    reporter.error(field, fmt::format("is {}, which {}", quoted(pattern), fault),
                   "use a lower case host name without port, or '*.' and a name");
  }
}

void check_certificate_itself(const Certificate& certificate, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(certificate, field, reporter);
  check_name(certificate.name, field.at("name"), reporter);
  check_origin(certificate.origin, field.at("origin"), reporter);
  // One file with both is common, and the chain is shown where configurations are.
  if (certificate.chain.find("PRIVATE KEY-----") != std::string::npos) {
    reporter.error(field.at("chain"), "holds a private key, which would be shown with it",
                   "leave only certificates in it, and make a new key if others have seen this one");
  }
}

void validate_certificate(const Certificate& certificate, const FieldPath& field, std::vector<Problem>& out) {
  Reporter reporter = make_reporter(certificate, out);
  check_certificate_itself(certificate, field, reporter);
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < certificate.server_names.size(); ++i) {
    const std::string& name = certificate.server_names[i];
    check_server_name(name, field.at("server_names", i), reporter);
    if (!names.insert(name).second) {
      reporter.error(field.at("server_names", i), fmt::format("is {} once more", quoted(name)),
                     "list it once");
    }
  }
}

std::vector<ServerNameAt> crowded_server_names(const std::vector<Certificate>& certificates) {
  struct Count {
    std::int64_t certificates = 0;
    const Certificate* last = nullptr;  // a name that one repeats counts once
  };
  std::unordered_map<std::string_view, Count> counts;
  std::vector<std::size_t> by_name(certificates.size());
  for (std::size_t i = 0; i < by_name.size(); ++i) by_name[i] = i;
  std::ranges::sort(by_name, {},
                    [&](std::size_t i) { return std::pair(std::string_view(certificates[i].name), i); });
  std::vector<ServerNameAt> out;
  for (const std::size_t i : by_name) {
    const Certificate& certificate = certificates[i];
    for (std::size_t j = 0; j < certificate.server_names.size(); ++j) {
      Count& count = counts[certificate.server_names[j]];
      if (count.last == &certificate) continue;
      count.last = &certificate;
      if (++count.certificates > kMaxCertificatesPerName) out.push_back({i, j});
    }
  }
  std::ranges::sort(out);
  return out;
}

void validate_certificates(const GatewayConfig& config, std::vector<Problem>& out) {
  Reporter whole(out, "", "", nullptr);
  check_table_bounds(config, {}, whole);
  std::unordered_set<std::string_view> names, defaults;
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    const Certificate& certificate = config.certificates[i];
    const FieldPath field("certificates", i);
    validate_certificate(certificate, field, out);
    if (!names.insert(certificate.name).second) report_duplicate_name(certificate, field, out);
  }
  for (const auto [i, j] : crowded_server_names(config.certificates)) {
    const Certificate& certificate = config.certificates[i];
    const FieldPath field("certificates", i);
    make_reporter(certificate, out)
        .error(field.at("server_names", j),
               fmt::format("is {}, which is named by more than {} certificates",
                           quoted(certificate.server_names[j]), kMaxCertificatesPerName),
               "leave it to the first of them by name, or remove some");
  }
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const Listener& listener = config.listeners[i];
    if (!listener.tls || listener.tls->default_certificate.empty()) continue;
    const std::string& name = listener.tls->default_certificate;
    defaults.insert(name);
    if (names.contains(name)) continue;
    const FieldPath field("listeners", i), tls = field.at("tls");
    make_reporter(listener, out)
        .warning(tls.at("default_certificate"),
                 fmt::format("is {}, and there is no such certificate", quoted(name)),
                 "name one of the certificates, or add it");
  }
  for (std::size_t i = 0; i < config.certificates.size(); ++i) {
    const Certificate& certificate = config.certificates[i];
    if (!certificate.server_names.empty() || defaults.contains(certificate.name)) continue;
    const FieldPath field("certificates", i);
    make_reporter(certificate, out)
        .warning(field.at("server_names"),
                 "is empty, and no listener names this certificate as its default: nobody sees it",
                 "list the names it is for, or remove it");
  }
}

}  // namespace ingress::config
