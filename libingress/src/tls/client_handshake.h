// Whom a connection to a backend is with: the name that is asked for, what the certificate has to prove, and
// the sessions to go on with.
//
// For: TlsTransport, which owns one as long as it lives: TLS 1.3 gives sessions, and refuses client
// certificates, after the handshake. Thread: the transport's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "ingress/error.h"
#include "tls/client_context.h"
#include "tls/session_cache.h"

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;
struct x509_st;
struct x509_store_ctx_st;

namespace ingress::tls {

// The check that a connection to a backend failed; stands behind "upstream_tls:" in `why`.
enum class ClientTlsFailure : std::uint8_t {
  kExpired,
  kNotYetValid,
  kNameMismatch,       // the certificate does not prove the server name
  kSanMismatch,        // it proves none of the allowed names
  kUnknownCa,          // nobody that is trusted has issued it
  kSelfSigned,         // nor is it trusted itself
  kBadCertificate,     // a signature, purpose, constraint or encoding in the chain is wrong
  kClientCertificate,  // the backend wants a client certificate, or another one
  kVersion,            // no version in common
  kNotTls,             // what came is no TLS: a plain port, most likely
  kHandshake,          // anything else that either side did not like
  kClosed,             // by the backend, before the handshake was done
  kTimeout,
};
inline constexpr std::size_t kNumClientTlsFailures = 13;
// "name_mismatch"; static.
const char* to_string(ClientTlsFailure failure);
// kUpstreamTls. Safe to retry where no certificate was at fault: nothing of a request was sent.
Error to_error(ClientTlsFailure failure);

// Of one worker. Outlives its transports.
struct ClientTlsCounters {
  base::Counter handshakes;          // completed
  base::Counter handshakes_resumed;  // of these
  std::array<base::Counter, kNumClientTlsFailures> failures;
  void count(ClientTlsFailure failure) { failures[static_cast<std::size_t>(failure)].add(); }
};

struct ClientTls {
  ClientContextPtr context;
  std::string address;  // of the endpoint, as configured
  std::uint16_t port = 0;
  std::string_view protocols = {};  // to offer (ALPN), in the form of RFC 7301 3.1; static; empty: none
  std::shared_ptr<SessionCache> sessions = {};  // null: every handshake is a full one
};

class ClientHandshake {
 public:
  ClientHandshake(ClientTls tls, ClientTlsCounters& counters);
  ClientHandshake(const ClientHandshake&) = delete;
  ClientHandshake& operator=(const ClientHandshake&) = delete;

  ssl_ctx_st* ssl_context() const { return tls_.context->ssl_context(); }
  // Makes `ssl` ask this object. False for lack of memory.
  bool attach(ssl_st& ssl);
  void on_done(const ssl_st& ssl);
  // What the handshake failed for, counted; `reason` is the oldest entry of BoringSSL's error queue.
  enum class Stream : std::uint8_t { kOpen, kEnded };
  Error on_failed(std::uint32_t reason, Stream stream);
  // The same for what came after the handshake; nothing when it has nothing to do with it.
  std::optional<Error> on_refused(std::uint32_t reason);

  // For BoringSSL's callbacks.
  bool verify(x509_store_ctx_st& chain);
  void keep(ssl_session_st* session);
  void note_asked_for_certificate() { is_certificate_wanted_ = true; }

 private:
  const BackendTls& settings() const { return tls_.context->settings(); }
  bool proves_allowed_name(const x509_st* leaf) const;
  ClientTlsFailure failure_of(std::uint32_t reason, Stream stream) const;
  bool is_refusal(std::uint32_t reason) const;

  ClientTls tls_;
  ClientTlsCounters& counters_;
  std::string name_;  // asked for, and proven
  std::string session_key_;
  std::optional<ClientTlsFailure> unproven_;
  std::int64_t valid_to_ = std::numeric_limits<std::int64_t>::max();  // of the chain, where one was verified
  bool is_certificate_wanted_ = false;
};

// Makes the handshakes of `context` ask the ClientHandshake attached to each.
void install_client_handshake(ssl_ctx_st& context);

}  // namespace ingress::tls
