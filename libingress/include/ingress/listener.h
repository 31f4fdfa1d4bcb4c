// Where requests come in: part of the typed model (IR). Plain values, compared with ==.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingress/client_certificates.h"

namespace ingress {

// Limits on what one downstream connection may send; a breach is answered and closes it.
struct ListenerLimits {
  std::uint32_t request_line_bytes = 16 * 1024;       // 414 beyond
  std::uint32_t head_bytes = 64 * 1024;               // 431 beyond, request line included
  std::uint32_t max_headers = 100;                    // 431 beyond
  std::uint64_t body_bytes = std::uint64_t{1} << 30;  // 413 beyond; 0 = no limit
  // Slowest body of a request, in bytes a second once ListenerTimeouts::body_rate_grace is over, from its
  // first byte on and while we read; 408 below; 0 = any.
  std::uint32_t min_body_rate = 240;
  friend bool operator==(const ListenerLimits&, const ListenerLimits&) = default;
};

// Each timeout starts anew with progress only where its name says idle.
struct ListenerTimeouts {
  std::chrono::milliseconds proxy_header{10'000};       // from accepting a connection on; closes
  std::chrono::milliseconds tls_handshake{10'000};      // from there, or the end of that header, on; cut
  std::chrono::milliseconds request_head{10'000};       // first byte of a head to its last; 408
  std::chrono::milliseconds request_body_idle{30'000};  // between two pieces of a body; 408
  std::chrono::milliseconds body_rate_grace{10'000};    // a body may be slower than min_body_rate so long
  std::chrono::milliseconds keep_alive_idle{75'000};    // between exchanges; closes silently
  std::chrono::milliseconds write_idle{60'000};         // response waits for the client to read; cut
  friend bool operator==(const ListenerTimeouts&, const ListenerTimeouts&) = default;
};

// What happens to "//" in a path, before it is matched and forwarded.
enum class SlashMerging : std::uint8_t { kMerge, kKeep };

// Paths that readers behind us may take for other paths than the one that was matched; 400 when refused.
enum class AmbiguousPaths : std::uint8_t {
  kReject,            // also parameters (";"), encoded slashes and backslashes, twice encoded ones
  kRejectHiddenDots,  // "." and ".." that show when parameters are cut or separators decoded: "..;", "..%2F"
  kKeep,
};

// One form of the path is made of what the client sent; it is matched and forwarded.
struct ListenerPaths {
  SlashMerging slashes = SlashMerging::kMerge;
  AmbiguousPaths ambiguous = AmbiguousPaths::kRejectHiddenDots;
  friend bool operator==(const ListenerPaths&, const ListenerPaths&) = default;
};

// Backends that put fields into variables (CGI, WSGI, PHP) cannot tell X_Forwarded_For from X-Forwarded-For.
enum class HeadersWithUnderscores : std::uint8_t {
  kDrop,
  kReject,  // 400, and the connection is closed
  kAllow,   // but for names that are those of fields of ours with '_' for '-'
};

enum class Http2Mode : std::uint8_t { kOff, kOn };

// HTTP/2 (RFC 9113) beside HTTP/1: over TLS for clients that ask for it (ALPN "h2"), on a plain listener for
// those that begin with its preface. A change counts for connections that begin after it; turned off, those
// that exist are drained when their client sends the next time.
struct ListenerHttp2 {
  Http2Mode mode = Http2Mode::kOn;
  std::uint32_t max_streams = 100;  // requests at once on a connection; more are refused
  // What a client may send ahead of us, of one request's body and of all on its connection.
  std::uint32_t stream_window_bytes = 64 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;
  friend bool operator==(const ListenerHttp2&, const ListenerHttp2&) = default;
};

enum class TlsVersion : std::uint8_t { kTls12, kTls13 };

// Mozilla's recommendations for servers, as far as BoringSSL has what they name.
enum class TlsPreset : std::uint8_t {
  kIntermediate,  // TLS 1.2 and 1.3
  kModern,        // TLS 1.3
};

// Of TLS 1.2: those with forward secrecy and an AEAD. Those of TLS 1.3 are fixed.
enum class Tls12Cipher : std::uint8_t {
  kEcdheEcdsaAes128Gcm,
  kEcdheEcdsaAes256Gcm,
  kEcdheEcdsaChaCha20Poly1305,
  kEcdheRsaAes128Gcm,
  kEcdheRsaAes256Gcm,
  kEcdheRsaChaCha20Poly1305,
};

// For the exchange of keys.
enum class TlsGroup : std::uint8_t {
  kX25519MlKem768,  // TLS 1.3 only; post-quantum. For clients that sent a share for it, if there are others
  kX25519,
  kP256,
  kP384,
  kP521,
};

// How a listener speaks TLS. Which certificate a client sees follows from GatewayConfig::certificates.
struct ListenerTls {
  TlsPreset preset = TlsPreset::kIntermediate;
  // In place of what the preset says, where set or not empty. The lists: what is liked best comes first.
  std::optional<TlsVersion> min_version = {};
  std::optional<TlsVersion> max_version = {};
  std::vector<Tls12Cipher> tls12_ciphers = {};
  std::vector<TlsGroup> groups = {};
  // Name of the certificate for clients that name no server, or one that no certificate is for. Empty, or
  // absent from the configuration: their handshakes end with the alert unrecognized_name.
  std::string default_certificate = {};
  // Of each worker, begun and not finished; connections beyond are closed at once. A source is an IPv4
  // address or an IPv6 network of 64 bits; that of a trusted proxy speaks for many and is not limited. 0 = no
  // limit.
  std::uint32_t max_handshakes = 8192;
  std::uint32_t max_handshakes_per_source = 512;
  std::optional<ClientCertificates> client_certificates = {};  // unset = clients are not asked for any
  friend bool operator==(const ListenerTls&, const ListenerTls&) = default;
};

// Each connection begins with a header of the PROXY protocol (haproxy.org, proxy-protocol.txt), version 1 or
// 2, in front of TLS too. The address in it is the client's from then on: for trusted_proxies, limits,
// filters, headers and the log. A header that names nobody, as of a health check, leaves the sender's.
struct ListenerProxyProtocol {
  // Whose headers are believed, as in Listener::trusted_proxies. Connections of others are closed unread, and
  // so are those that begin with anything else.
  std::vector<std::string> senders = {};
  friend bool operator==(const ListenerProxyProtocol&, const ListenerProxyProtocol&) = default;
};

// Keyed by (address, port); everything else may change without rebinding.
struct Listener {
  std::string name;                 // unique among listeners
  std::string address = "0.0.0.0";  // IPv4, IPv6 without brackets, or "unix:/path" (port 0)
  std::uint16_t port = 0;           // 0 = any free port; Server::status() tells which
  ListenerLimits limits = {};
  ListenerTimeouts timeouts = {};
  ListenerPaths paths = {};
  // Peers that say the truth about whom they speak for: addresses, networks ("10.0.0.0/8"), or "unix" for
  // whoever connects to a unix socket.
  std::vector<std::string> trusted_proxies = {};
  HeadersWithUnderscores headers_with_underscores = HeadersWithUnderscores::kDrop;
  ListenerHttp2 http2 = {};
  std::optional<ListenerProxyProtocol> proxy_protocol = {};  // unset = none is expected or understood
  std::optional<ListenerTls> tls = {};                       // unset = plain
  // Of a plain listener: the port that redirects of PlainRequests::kRedirect name, left out when it is 443.
  std::uint16_t https_port = 443;
  friend bool operator==(const Listener&, const Listener&) = default;
};

}  // namespace ingress
