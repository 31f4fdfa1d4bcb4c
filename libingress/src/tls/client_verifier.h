// Which clients are let in by their certificates: the rules of ClientCertificates, ready for use.
//
// Owner: ServerContexts and HostPolicies. Thread: any; const after load(), with a lock around regular
// expressions.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/pattern.h"
#include "ingress/client_certificates.h"
#include "ingress/config.h"
#include "tls/client_names.h"
#include "tls/client_trust.h"

struct ssl_session_st;
struct stack_st_CRYPTO_BUFFER;

namespace ingress::tls {

// Why a client is not let in.
enum class ClientRefusal : std::uint8_t {
  kMissing,      // it sent no certificate
  kUntrusted,    // of none of the authorities, or by too many others
  kNotValidNow,  // a certificate of its chain has expired, or is from the future
  kRevoked,
  kNoCrl,  // of an issuer in its chain, or none that is valid now
  kWrongPurpose,
  kNotAllowed,  // by its names
  kInvalid,     // malformed, a wrong signature, a constraint of an issuer that is not kept, …
  kNobody,      // everybody is refused
};
inline constexpr std::size_t kNumClientRefusals = static_cast<std::size_t>(ClientRefusal::kNobody) + 1;
// As in metrics: "untrusted".
std::string_view to_string(ClientRefusal refusal);
// Error::what: "tls_client_certificate_untrusted".
const char* what_of(ClientRefusal refusal);

class ClientVerifier {
 public:
  // What a client may send along.
  static constexpr std::size_t kMaxSent = 16;
  static constexpr std::size_t kMaxSentBytes = 32 * 1024;

  struct Loaded;
  // Takes the trust of one of `held` that has the same texts. What is wrong comes with it, as
  // check_client_certificates() says.
  static Loaded load(const ClientCertificates& settings, std::chrono::system_clock::time_point now,
                     std::span<const std::shared_ptr<const ClientTrust>> held = {});

  const ClientCertificates& settings() const { return settings_; }
  const std::shared_ptr<const ClientTrust>& trust() const { return trust_; }  // null: refuses everybody
  bool needs_certificate() const {
    return settings_.mode == ClientCertificateMode::kRequire ||
           settings_.mode == ClientCertificateMode::kRefuse;
  }
  // Whether one that does not verify refuses its client.
  bool needs_valid() const { return settings_.mode != ClientCertificateMode::kOptionalUnverified; }
  // SHA-256 of all that decides whom `settings` let in.
  static std::string digest_of(const ClientCertificates& settings);
  // That of its settings: sessions resume under the same only.
  std::string_view digest() const { return digest_; }

  struct Refused {
    ClientRefusal why;
    std::uint8_t alert;  // RFC 8446 6.2
  };
  // Nothing when the client may come in. `sent`: its own certificate first; not empty.
  std::optional<Refused> verify(const stack_st_CRYPTO_BUFFER& sent) const;
  // Whether a session that began under the same digest may go on without another handshake: it has a
  // certificate, where that is asked for, and nothing that it was let in by has expired since.
  bool may_resume(const ssl_session_st& session, std::int64_t now) const;

 private:
  struct Rule {
    ClientNameMatch match;
    std::unique_ptr<const base::Pattern> pattern;  // null: exact
  };
  ClientVerifier() = default;
  bool allows(const std::vector<ClientName>& names) const;
  static bool holds(const Rule& rule, const ClientName& name);

  ClientCertificates settings_;
  std::shared_ptr<const ClientTrust> trust_;
  std::vector<Rule> rules_;
  // Patterns are for one thread at a time. Held for microseconds of a handshake that takes hundreds.
  mutable std::mutex patterns_mutex_;
  std::string digest_;
};

struct ClientVerifier::Loaded {
  std::shared_ptr<const ClientVerifier> verifier;  // null when a problem is an error, and with kOff
  std::vector<Problem> problems;
};

}  // namespace ingress::tls
