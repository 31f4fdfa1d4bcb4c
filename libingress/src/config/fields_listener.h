// The fields of listeners; see config/fields.h.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "config/fields_client_certificates.h"
#include "config/fields_common.h"
#include "ingress/listener.h"

namespace ingress::config {

constexpr TypeInfo type_info(const ListenerLimits*) {
  return {"listener_limits", "What one downstream connection may send; a breach is answered and closes it"};
}
template <class V>
void describe(V&& visit, const ListenerLimits*) {
  visit({.name = "request_line_bytes", .doc = "414 beyond", .min = 256, .max = kMaxHeadBytes},
        &ListenerLimits::request_line_bytes);
  visit({.name = "head_bytes", .doc = "431 beyond, request line included", .min = 1024, .max = kMaxHeadBytes},
        &ListenerLimits::head_bytes);
  visit({.name = "max_headers", .doc = "header fields; 431 beyond", .min = 1, .max = 10'000},
        &ListenerLimits::max_headers);
  visit({.name = "body_bytes", .doc = "413 beyond; 0 = no limit", .max = std::int64_t{1} << 50},
        &ListenerLimits::body_bytes);
  visit({.name = "min_body_rate",
         .doc = "bytes a second that a request's body brings at least, from its first byte on, "
                "`body_rate_grace_ms` forgiven; 408 below; 0 = any",
         .max = 1'000'000'000},
        &ListenerLimits::min_body_rate);
}

constexpr TypeInfo type_info(const ListenerTimeouts*) {
  return {"listener_timeouts",
          "How long a client may take; starts anew with progress where the name says idle"};
}
template <class V>
void describe(V&& visit, const ListenerTimeouts*) {
  const auto timeout = [&](std::string_view name, std::string_view doc, auto member) {
    visit({.name = name, .doc = doc, .min = 1, .max = kMaxTimeoutMs}, member);
  };
  timeout("proxy_header_ms",
          "from accepting a connection to the end of its PROXY protocol header; closes silently",
          &ListenerTimeouts::proxy_header);
  timeout("tls_handshake_ms",
          "from accepting a connection, or the end of that header, to the end of its handshake; cut beyond",
          &ListenerTimeouts::tls_handshake);
  timeout("request_head_ms", "first byte of a head to its last; 408 beyond", &ListenerTimeouts::request_head);
  timeout("request_body_idle_ms", "between two pieces of a body; 408 beyond",
          &ListenerTimeouts::request_body_idle);
  timeout("body_rate_grace_ms", "a body may be slower than `min_body_rate` for so long",
          &ListenerTimeouts::body_rate_grace);
  timeout("keep_alive_idle_ms", "between exchanges; closes silently", &ListenerTimeouts::keep_alive_idle);
  timeout("write_idle_ms", "a response waits for the client to read; cut beyond",
          &ListenerTimeouts::write_idle);
}

constexpr std::array<EnumInfo<SlashMerging>, 2> enum_table(SlashMerging) {
  return {{{SlashMerging::kMerge, "merge", "to one, so that a rule for `/a` holds for `//a` too"},
           {SlashMerging::kKeep, "keep", "as empty segments, which only rules with empty segments match"}}};
}
constexpr std::array<EnumInfo<AmbiguousPaths>, 3> enum_table(AmbiguousPaths) {
  return {
      {{AmbiguousPaths::kReject, "reject", "whatever holds `;`, `%2F`, `%5C`, `%252E`, `%252F` or `%255C`"},
       {AmbiguousPaths::kRejectHiddenDots, "reject_hidden_dots",
        "only `.` and `..` that show when `;` and what follows is cut or `%2F` and `%5C` are decoded, as in "
        "`..;` and `..%2F`"},
       {AmbiguousPaths::kKeep, "keep", "nothing: all of it is data"}}};
}
constexpr TypeInfo type_info(const ListenerPaths*) {
  return {
      "listener_paths",
      "How a path is brought into the one form that is matched and forwarded, beyond what every URI allows "
      "(dot segments removed, unreserved characters decoded; a raw or encoded null, a raw backslash, "
      "control or non-ASCII character is 400)"};
}
template <class V>
void describe(V&& visit, const ListenerPaths*) {
  visit({"slashes", "what happens to `//`"}, &ListenerPaths::slashes);
  visit({"ambiguous", "which paths that backends read in different ways are answered 400"},
        &ListenerPaths::ambiguous);
}

constexpr std::array<EnumInfo<HeadersWithUnderscores>, 3> enum_table(HeadersWithUnderscores) {
  return {{{HeadersWithUnderscores::kDrop, "drop", "the backend does not see them"},
           {HeadersWithUnderscores::kReject, "reject", "400"},
           {HeadersWithUnderscores::kAllow, "allow",
            "forwarded, but for those that look like `Content-Length`, `X-Forwarded-For` and the like"}}};
}
constexpr std::array<EnumInfo<Http2Mode>, 2> enum_table(Http2Mode) {
  return {{{Http2Mode::kOff, "off", "HTTP/1 only"}, {Http2Mode::kOn, "on", "as the client chooses"}}};
}
constexpr TypeInfo type_info(const ListenerHttp2*) {
  return {
      "listener_http2",
      "HTTP/2 beside HTTP/1: over TLS by ALPN, on a plain listener for clients that begin with its preface"};
}
template <class V>
void describe(V&& visit, const ListenerHttp2*) {
  constexpr std::int64_t kMaxWindow = (std::int64_t{1} << 31) - 1;  // RFC 9113 6.9.1
  visit({"mode", "whether clients may speak it"}, &ListenerHttp2::mode);
  visit({.name = "max_streams",
         .doc = "requests at once on a connection; more are refused",
         .min = 1,
         .max = 10'000},
        &ListenerHttp2::max_streams);
  visit({.name = "stream_window_bytes",
         .doc = "what a client may send ahead of us of one body",
         .min = 16'384,
         .max = kMaxWindow},
        &ListenerHttp2::stream_window_bytes);
  visit({.name = "connection_window_bytes",
         .doc = "the same of all bodies of a connection together",
         .min = 65'535,
         .max = kMaxWindow},
        &ListenerHttp2::connection_window_bytes);
}

constexpr std::array<EnumInfo<TlsVersion>, 2> enum_table(TlsVersion) {
  return {{{TlsVersion::kTls12, "1.2", "RFC 5246"}, {TlsVersion::kTls13, "1.3", "RFC 8446"}}};
}
constexpr std::array<EnumInfo<TlsPreset>, 2> enum_table(TlsPreset) {
  return {{{TlsPreset::kIntermediate, "intermediate", "TLS 1.2 and 1.3"},
           {TlsPreset::kModern, "modern", "TLS 1.3"}}};
}
// The names that IANA registered.
constexpr std::array<EnumInfo<Tls12Cipher>, 6> enum_table(Tls12Cipher) {
  return {
      {{Tls12Cipher::kEcdheEcdsaAes128Gcm, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "RFC 5289"},
       {Tls12Cipher::kEcdheEcdsaAes256Gcm, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "RFC 5289"},
       {Tls12Cipher::kEcdheEcdsaChaCha20Poly1305, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "RFC 7905"},
       {Tls12Cipher::kEcdheRsaAes128Gcm, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "RFC 5289"},
       {Tls12Cipher::kEcdheRsaAes256Gcm, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "RFC 5289"},
       {Tls12Cipher::kEcdheRsaChaCha20Poly1305, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "RFC 7905"}}};
}
constexpr std::array<EnumInfo<TlsGroup>, 5> enum_table(TlsGroup) {
  return {{{TlsGroup::kX25519MlKem768, "X25519MLKEM768", "post-quantum, TLS 1.3 only"},
           {TlsGroup::kX25519, "x25519", "RFC 8422"},
           {TlsGroup::kP256, "secp256r1", "RFC 8422"},
           {TlsGroup::kP384, "secp384r1", "RFC 8422"},
           {TlsGroup::kP521, "secp521r1", "RFC 8422"}}};
}
constexpr TypeInfo type_info(const ListenerTls*) {
  return {"listener_tls",
          "How a listener speaks TLS; which certificate a client sees follows from their `server_names`"};
}
template <class V>
void describe(V&& visit, const ListenerTls*) {
  visit({"preset", "Mozilla's recommendation of that name, which the four below change"},
        &ListenerTls::preset);
  visit({"min_version", "the oldest version; unset: that of the preset"}, &ListenerTls::min_version);
  visit({"max_version", "the newest version, not older than `min_version`; unset: 1.3"},
        &ListenerTls::max_version);
  visit({.name = "tls12_ciphers",
         .doc = "of TLS 1.2, by preference; empty: all that are named here, those with ECDSA first, those "
                "with AES-128 before those with AES-256, ChaCha20 first for clients that want it so; those "
                "of 1.3 are fixed",
         .max = 6},
        &ListenerTls::tls12_ciphers);
  visit(
      {.name = "groups",
       .doc = "for the exchange of keys, by preference; empty: X25519MLKEM768, x25519, secp256r1, secp384r1. "
              "X25519MLKEM768 counts only for clients that sent a share for it, unless it stands alone",
       .max = 5},
      &ListenerTls::groups);
  visit({.name = "default_certificate",
         .doc = "name of the certificate for clients that name no server, or one that no certificate is for; "
                "empty, or no such certificate: the alert unrecognized_name",
         .max = kMaxNameBytes},
        &ListenerTls::default_certificate);
  visit({.name = "max_handshakes",
         .doc = "unfinished ones of each worker; connections beyond are closed; 0 = no limit",
         .max = 1'000'000},
        &ListenerTls::max_handshakes);
  visit({.name = "max_handshakes_per_source",
         .doc = "the same from one IPv4 address or IPv6 network of 64 bits, but for `trusted_proxies`",
         .max = 1'000'000},
        &ListenerTls::max_handshakes_per_source);
  visit({"client_certificates", "which certificates clients are asked for; unset = none"},
        &ListenerTls::client_certificates);
}

constexpr TypeInfo type_info(const ListenerProxyProtocol*) {
  return {
      "listener_proxy_protocol",
      "Connections begin with a header of the PROXY protocol, version 1 or 2; what it names is the client"};
}
template <class V>
void describe(V&& visit, const ListenerProxyProtocol*) {
  visit({"senders",
         "addresses, networks, or `unix`, one at least: whose headers are believed; connections of others "
         "are closed",
         Presence::kRequired, 1, kMaxTrustedProxies},
        &ListenerProxyProtocol::senders);
}

constexpr TypeInfo type_info(const Listener*) {
  return {"listener",
          "One address that is listened on. Keyed by address and port: the rest may change without "
          "binding anew"};
}
template <class V>
void describe(V&& visit, const Listener*) {
  visit({"name", "unique among listeners", Presence::kRequired, 1, kMaxNameBytes}, &Listener::name);
  visit({.name = "address", .doc = "IPv4, IPv6 without brackets, or `unix:/path` with port 0", .max = 112},
        &Listener::address);
  visit({"port", "0 = any free port"}, &Listener::port);
  visit({"limits", "what a client may send"}, &Listener::limits);
  visit({"timeouts", "how long a client may take"}, &Listener::timeouts);
  visit({"paths", "which spellings of a path are one, and which are refused"}, &Listener::paths);
  visit({.name = "trusted_proxies",
         .doc = "addresses, networks such as `10.0.0.0/8`, or `unix`: from these peers `X-Forwarded-*`, "
                "`Forwarded` and `X-Request-Id` are kept and extended, from others replaced",
         .max = kMaxTrustedProxies},
        &Listener::trusted_proxies);
  visit({"headers_with_underscores", "what happens to fields with `_` in their names"},
        &Listener::headers_with_underscores);
  visit({"http2", "HTTP/2 beside HTTP/1"}, &Listener::http2);
  visit({"proxy_protocol", "in front of TLS too; unset = such a header is not understood"},
        &Listener::proxy_protocol);
  visit({"tls", "unset = plain"}, &Listener::tls);
  visit({.name = "https_port",
         .doc = "of a plain listener: the port that redirects to https name; they leave out 443",
         .min = 1,
         .max = 65'535},
        &Listener::https_port);
}

}  // namespace ingress::config
