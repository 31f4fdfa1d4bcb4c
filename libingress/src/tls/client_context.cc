#include "tls/client_context.h"

#include <openssl/sha2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "config/validate.h"
#include "tls/boring.h"
#include "tls/client_handshake.h"

namespace ingress::tls {
namespace {

// As a listener offers them. Backends that speak only older ones are refused.
constexpr const char* kTls12Ciphers =
    "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]:"
    "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
// Without X25519MLKEM768, whose share makes every ClientHello one of 1.5 KB.
constexpr std::array<std::uint16_t, 3> kGroups = {SSL_GROUP_X25519, SSL_GROUP_SECP256R1, SSL_GROUP_SECP384R1};
// A chain as it is sent, leaf and root included.
constexpr int kMaxDepth = 10;
// After the certificates were verified; then they are verified anew.
constexpr std::uint32_t kSessionSeconds = 3600;

std::uint16_t to_wire(TlsVersion version) {
  return version == TlsVersion::kTls12 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

// Fields with their lengths, so that no two policies give the same bytes.
std::string identity_of(const BackendTls& settings) {
  SHA256_CTX digest;
  SHA256_Init(&digest);
  const auto add_number = [&](std::uint64_t number) { SHA256_Update(&digest, &number, sizeof number); };
  const auto add_text = [&](std::string_view text) {
    add_number(text.size());
    SHA256_Update(&digest, text.data(), text.size());
  };
  add_text(settings.server_name);
  add_text(settings.ca_bundle);
  add_number(settings.allowed_names.size());
  for (const std::string& name : settings.allowed_names) add_text(name);
  add_text(settings.client_certificate);
  add_text(settings.client_key.text);
  add_number(static_cast<std::uint64_t>(settings.min_version));
  add_number(static_cast<std::uint64_t>(settings.max_version));
  add_number(static_cast<std::uint64_t>(settings.verification));
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> bytes;
  SHA256_Final(bytes.data(), &digest);
  return {bytes.begin(), bytes.end()};
}

std::string client_field(const std::string& field) {
  return field == "key" ? "client_key" : "client_certificate";
}

}  // namespace

void ClientContext::FreeContext::operator()(ssl_ctx_st* context) const {
  SSL_CTX_free(context);
}

ClientContext::Loaded ClientContext::load(const BackendTls& settings,
                                          std::chrono::system_clock::time_point now) {
  Loaded loaded;
  const auto error = [&](std::string field, std::string why, std::string fix) {
    loaded.problems.push_back({.field = std::move(field), .why = std::move(why), .fix = std::move(fix)});
  };
  std::shared_ptr<ClientContext> made(new ClientContext());
  made->settings_ = settings;
  made->identity_ = identity_of(settings);
  if (settings.verification == BackendVerification::kFull) {
    const bool is_own = !settings.ca_bundle.empty();
    auto trusted = is_own ? TrustStore::read(settings.ca_bundle) : TrustStore::system();
    if (trusted) {
      made->trusted_ = std::move(*trusted);
    } else {
      error("ca_bundle", (is_own ? "" : "is empty, and ") + trusted.error(),
            "give the certificates that are to be trusted, as PEM");
    }
  }
  if (!settings.client_certificate.empty()) {
    auto shown = ServedCertificate::load(
        {.name = "client", .chain = settings.client_certificate, .key = settings.client_key}, now);
    made->shown_ = std::move(shown.certificate);
    for (Problem& problem : shown.problems) {
      problem.field = client_field(problem.field);
      loaded.problems.push_back(std::move(problem));
    }
  }
  const ErrorScope errors;
  if (config::has_errors(loaded.problems)) return loaded;
  if (made->set_up()) {
    loaded.context = std::move(made);
  } else {
    error("", std::string("not usable for TLS: ") + ErrorScope::reason(), "change it, or report this");
  }
  return loaded;
}

bool ClientContext::set_up() {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const context = context_.get();
  if (context == nullptr || !SSL_CTX_set_min_proto_version(context, to_wire(settings_.min_version)) ||
      !SSL_CTX_set_max_proto_version(context, to_wire(settings_.max_version)) ||
      !SSL_CTX_set_strict_cipher_list(context, kTls12Ciphers) ||
      !SSL_CTX_set1_group_ids(context, kGroups.data(), kGroups.size()) ||
      // Sessions are kept by identity; this makes BoringSSL refuse those of another on its own.
      !SSL_CTX_set_session_id_context(context, reinterpret_cast<const std::uint8_t*>(identity_.data()),
                                      identity_.size()) ||
      (shown_ && !SSL_CTX_add1_credential(context, shown_->credential())))
    return false;
  if (trusted_) {
    SSL_CTX_set1_verify_cert_store(context, trusted_->store());
    // What was given is trusted as it is, also a leaf or an intermediate alone.
    if (!settings_.ca_bundle.empty())
      X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  }
  SSL_CTX_set_verify(context, trusted_ ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_verify_depth(context, kMaxDepth);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_mode(context, SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  SSL_CTX_set_session_psk_dhe_timeout(context, kSessionSeconds);
  install_client_handshake(*context);
  return true;
}

ClientContext::Loaded ClientContexts::load(const BackendTls& settings,
                                           std::chrono::system_clock::time_point now) {
  const std::string identity = identity_of(settings);
  if (const auto found = by_identity_.find(identity); found != by_identity_.end()) {
    ClientContextPtr held = found->second.lock();
    if (held && held->settings() == settings) return {std::move(held), {}};
  }
  if (by_identity_.size() >= prune_at_) {
    std::erase_if(by_identity_, [](const auto& entry) { return entry.second.expired(); });
    prune_at_ = std::max<std::size_t>(64, 2 * by_identity_.size());
  }
  ClientContext::Loaded loaded = ClientContext::load(settings, now);
  if (loaded.context) by_identity_[identity] = loaded.context;
  return loaded;
}

}  // namespace ingress::tls
