#include "tls/host_policy.h"

#include <utility>

#include "config/tls_policy.h"
#include "tls/boring.h"
#include "tls/text_digest.h"

namespace ingress::tls {
namespace {

std::string digest_of(const TlsPolicy& policy) {
  TextDigest digest;
  const auto add_optional = [&](const auto& value) {
    digest.add(value ? static_cast<std::uint64_t>(*value) + 1 : 0);
  };
  const auto add_list = [&](const auto& list) {
    digest.add(std::uint64_t{list.size()});
    for (const auto value : list) digest.add(static_cast<std::uint64_t>(value));
  };
  add_optional(policy.preset);
  add_optional(policy.min_version);
  add_optional(policy.max_version);
  add_list(policy.tls12_ciphers);
  add_list(policy.groups);
  if (policy.client_certificates) {
    digest.add(ClientVerifier::digest_of(*policy.client_certificates));
    const ClientCertificateHeaders& headers = policy.client_certificates->headers;
    for (const std::string* name : {&headers.verified, &headers.subject, &headers.issuer,
                                    &headers.subject_alt_names, &headers.fingerprint, &headers.certificate})
      digest.add(*name);
  }
  return digest.take();
}

}  // namespace

HostPolicy::HostPolicy(const TlsPolicy& value) : value_(value), digest_(digest_of(value)) {
  const ListenerTls settings = config::settings_of(value);
  const bool has_preset = value.preset.has_value();
  if (has_preset || value.min_version) min_version_ = to_wire(config::min_version_of(settings));
  if (has_preset || value.max_version) max_version_ = to_wire(config::max_version_of(settings));
  if (has_preset || !value.tls12_ciphers.empty()) ciphers_ = cipher_list(settings);
  if (has_preset || !value.groups.empty()) groups_ = groups_of(settings);
}

HostPolicy::Loaded HostPolicy::load(const TlsPolicy& value, std::chrono::system_clock::time_point now,
                                    std::span<const std::shared_ptr<const ClientTrust>> held) {
  Loaded loaded;
  auto* made = new HostPolicy(value);
  base::CountedPtr<const HostPolicy> policy(made);
  if (value.client_certificates) {
    auto clients = ClientVerifier::load(*value.client_certificates, now, held);
    bool has_error = false;
    for (Problem& problem : clients.problems) {
      problem.field.insert(0, "client_certificates.");
      has_error = has_error || problem.severity == Severity::kError;
    }
    loaded.problems = std::move(clients.problems);
    if (has_error) return loaded;
    made->clients_ = std::move(clients.verifier);
  }
  loaded.policy = std::move(policy);
  return loaded;
}

bool HostPolicy::apply(ssl_st& ssl) const {
  return (!min_version_ || SSL_set_min_proto_version(&ssl, *min_version_) == 1) &&
         (!max_version_ || SSL_set_max_proto_version(&ssl, *max_version_) == 1) &&
         SSL_get_min_proto_version(&ssl) <= SSL_get_max_proto_version(&ssl) &&
         (!ciphers_ || SSL_set_strict_cipher_list(&ssl, ciphers_->c_str()) == 1);
}

const HostPolicy* find_policy(const PolicyTable& table, std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  const auto found = table.find(host);
  return found.empty() ? nullptr : found.front().get();
}

}  // namespace ingress::tls
