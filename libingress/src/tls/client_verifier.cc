#include "tls/client_verifier.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "base/ip_network.h"
#include "base/text.h"
#include "tls/boring.h"
#include "tls/text_digest.h"
#include "tls/x509.h"

namespace ingress::tls {
namespace {

constexpr std::array<const char*, kNumClientRefusals> kWhats = {
    "tls_client_certificate_missing",       "tls_client_certificate_untrusted",
    "tls_client_certificate_not_valid_now", "tls_client_certificate_revoked",
    "tls_client_certificate_no_crl",        "tls_client_certificate_wrong_purpose",
    "tls_client_certificate_not_allowed",   "tls_client_certificate_invalid",
    "tls_client_certificate_nobody"};

ClientRefusal refusal_of(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return ClientRefusal::kUntrusted;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return ClientRefusal::kNotValidNow;
    case X509_V_ERR_CERT_REVOKED:
      return ClientRefusal::kRevoked;
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return ClientRefusal::kNoCrl;
    case X509_V_ERR_INVALID_PURPOSE:
      return ClientRefusal::kWrongPurpose;
    default:
      return ClientRefusal::kInvalid;
  }
}

}  // namespace

const char* what_of(ClientRefusal refusal) {
  return kWhats[static_cast<std::size_t>(refusal)];
}

std::string_view to_string(ClientRefusal refusal) {
  return std::string_view(what_of(refusal)).substr(std::string_view("tls_client_certificate_").size());
}

std::string ClientVerifier::digest_of(const ClientCertificates& settings) {
  TextDigest digest;
  digest.add(static_cast<std::uint64_t>(settings.mode));
  digest.add(settings.authorities);
  digest.add(settings.crls);
  digest.add(std::uint64_t{settings.max_intermediates});
  for (const ClientNameMatch& match : settings.allowed_names) {
    digest.add(static_cast<std::uint64_t>(match.type));
    digest.add(static_cast<std::uint64_t>(match.match));
    digest.add(match.value);
  }
  return digest.take();
}

ClientVerifier::Loaded ClientVerifier::load(const ClientCertificates& settings,
                                            std::chrono::system_clock::time_point now,
                                            std::span<const std::shared_ptr<const ClientTrust>> held) {
  Loaded loaded;
  if (settings.mode == ClientCertificateMode::kOff) return loaded;
  const std::shared_ptr<ClientVerifier> made(new ClientVerifier());
  made->settings_ = settings;
  made->digest_ = digest_of(settings);
  if (settings.mode == ClientCertificateMode::kRefuse) return {made, {}};
  const auto same = std::ranges::find_if(
      held, [&](const auto& trust) { return trust && trust->is_of(settings.authorities, settings.crls); });
  if (same != held.end()) {
    made->trust_ = *same;
  } else {
    auto trust = ClientTrust::load(settings.authorities, settings.crls, now);
    made->trust_ = std::move(trust.trust);
    loaded.problems = std::move(trust.problems);
  }
  for (std::size_t i = 0; i < settings.allowed_names.size(); ++i) {
    const ClientNameMatch& match = settings.allowed_names[i];
    Rule rule{match, nullptr};
    if (match.match == ValueMatchType::kRegularExpression) {
      rule.pattern = base::Pattern::compile(match.value);
      if (!rule.pattern) {  // validate() says so before
        loaded.problems.push_back({.field = "allowed_names[" + std::to_string(i) + "].value",
                                   .why = "is no regular expression that can be used",
                                   .fix = "write it in the syntax of RE2"});
        return {nullptr, std::move(loaded.problems)};
      }
    }
    made->rules_.push_back(std::move(rule));
  }
  if (made->trust_) loaded.verifier = made;
  return loaded;
}

std::optional<ClientVerifier::Refused> ClientVerifier::verify(const stack_st_CRYPTO_BUFFER& sent) const {
  const ErrorScope errors;
  if (!trust_) return Refused{ClientRefusal::kNobody, SSL_AD_ACCESS_DENIED};
  const std::size_t num_sent = sk_CRYPTO_BUFFER_num(&sent);
  if (num_sent == 0) return Refused{ClientRefusal::kMissing, SSL_AD_CERTIFICATE_REQUIRED};
  if (num_sent > kMaxSent) return Refused{ClientRefusal::kInvalid, SSL_AD_BAD_CERTIFICATE};
  std::vector<bssl::UniquePtr<X509>> parsed;
  std::vector<X509*> others;
  for (std::size_t i = 0; i < num_sent; ++i) {
    parsed.emplace_back(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(&sent, i)));
    if (!parsed.back()) return Refused{ClientRefusal::kInvalid, SSL_AD_BAD_CERTIFICATE};
    if (i > 0) others.push_back(parsed.back().get());
  }
  const int error = trust_->verify(*parsed.front(), others, settings_.max_intermediates);
  if (error != X509_V_OK)
    return Refused{refusal_of(error), static_cast<std::uint8_t>(SSL_alert_from_verify_result(error))};
  if (!rules_.empty() && !allows(client_names(*parsed.front())))
    return Refused{ClientRefusal::kNotAllowed, SSL_AD_ACCESS_DENIED};
  return std::nullopt;
}

bool ClientVerifier::allows(const std::vector<ClientName>& names) const {
  const std::lock_guard lock(patterns_mutex_);
  return std::ranges::any_of(rules_, [&](const Rule& rule) {
    return std::ranges::any_of(names, [&](const ClientName& name) { return holds(rule, name); });
  });
}

bool ClientVerifier::holds(const Rule& rule, const ClientName& name) {
  if (rule.match.type != name.type) return false;
  if (rule.pattern && name.type == ClientNameType::kDns)
    return rule.pattern->matches(base::to_lower_ascii(name.value));
  if (rule.pattern) return rule.pattern->matches(name.value);
  switch (name.type) {
    case ClientNameType::kDns:
      return base::equals_ignore_case(rule.match.value, name.value);
    case ClientNameType::kIp: {
      const auto wanted = base::parse_ip_address(rule.match.value);
      return wanted && wanted == base::parse_ip_address(name.value);
    }
    default:
      return rule.match.value == name.value;
  }
}

bool ClientVerifier::may_resume(const ssl_session_st& session, std::int64_t now) const {
  const ErrorScope errors;
  if (!trust_) return false;
  // What it sent is looked at anew.
  if (settings_.mode == ClientCertificateMode::kOptionalUnverified) return true;
  const STACK_OF(CRYPTO_BUFFER)* sent = SSL_SESSION_get0_peer_certificates(&session);
  const std::size_t num_sent = sent == nullptr ? 0 : sk_CRYPTO_BUFFER_num(sent);
  if (num_sent == 0) return settings_.mode == ClientCertificateMode::kOptional;
  for (std::size_t i = 0; i < num_sent; ++i) {
    const bssl::UniquePtr<X509> certificate(X509_parse_from_buffer(sk_CRYPTO_BUFFER_value(sent, i)));
    const auto end = certificate ? unix_time(X509_get0_notAfter(certificate.get())) : std::nullopt;
    if (!end || *end < now) return false;
  }
  return trust_->has_stayed_valid(static_cast<std::int64_t>(SSL_SESSION_get_time(&session)), now);
}

}  // namespace ingress::tls
