// The fields of clusters and endpoints; see config/fields.h.
#pragma once

#include <array>
#include <string_view>

#include "config/fields_backend_tls.h"
#include "config/fields_common.h"
#include "config/fields_health.h"
#include "ingress/cluster.h"

namespace ingress::config {

constexpr std::array<EnumInfo<LoadBalancing>, 5> enum_table(LoadBalancing) {
  return {{{LoadBalancing::kRoundRobin, "round_robin", "each endpoint in turn, smoothly by weight"},
           {LoadBalancing::kLeastRequest, "least_request", "the less loaded of two random endpoints"},
           {LoadBalancing::kRandom, "random", "by weight alone"},
           {LoadBalancing::kPeakEwma, "peak_ewma",
            "of two random endpoints the one that answers sooner, by its latency times its load"},
           {LoadBalancing::kConsistentHash, "consistent_hash",
            "the same key goes to the same endpoint, see `consistent_hash`"}}};
}
constexpr std::array<EnumInfo<HashSource>, 5> enum_table(HashSource) {
  return {{{HashSource::kClientAddress, "client_address", "without the port, as `trusted_proxies` tell it"},
           {HashSource::kHeader, "header", "the first of that name"},
           {HashSource::kCookie, "cookie", "the first of that name"},
           {HashSource::kQueryParameter, "query_parameter", "the first of that name, as written"},
           {HashSource::kPath, "path", "without the query"}}};
}
constexpr std::array<EnumInfo<ZonePreference>, 2> enum_table(ZonePreference) {
  return {{{ZonePreference::kNone, "none", "zones do not matter"},
           {ZonePreference::kOwnZone, "own_zone", "other zones take only what is too much for it"}}};
}

constexpr std::array<EnumInfo<ProxyProtocol>, 3> enum_table(ProxyProtocol) {
  return {{{ProxyProtocol::kNone, "none", "the request, or the TLS handshake, comes first"},
           {ProxyProtocol::kV1, "v1", "a line of text"},
           {ProxyProtocol::kV2, "v2", "binary"}}};
}

constexpr TypeInfo type_info(const Endpoint*) {
  return {"endpoint", "One backend to connect to"};
}
template <class V>
void describe(V&& visit, const Endpoint*) {
  visit({"address", "IPv4, IPv6 without brackets, or a host name to resolve", Presence::kRequired, 1, 254},
        &Endpoint::address);
  visit({"port", "TCP port", Presence::kRequired, 1, 65535}, &Endpoint::port);
  visit({.name = "weight", .doc = "relative to the other endpoints", .min = 1, .max = kMaxWeight},
        &Endpoint::weight);
  visit({.name = "zone", .doc = "where it stands, for `locality`; empty: not known", .max = kMaxNameBytes},
        &Endpoint::zone);
}

constexpr TypeInfo type_info(const ConsistentHash*) {
  return {"consistent_hash", "What decides the endpoint of a request; without it, chance does"};
}
template <class V>
void describe(V&& visit, const ConsistentHash*) {
  visit({"source", "where the key is found"}, &ConsistentHash::source);
  visit({.name = "name", .doc = "of the header, cookie or query parameter", .max = kMaxNameBytes},
        &ConsistentHash::name);
  visit({.name = "balance_factor_percent",
         .doc = "most running requests of an endpoint, of the mean; the next one on the ring takes what is "
                "beyond; at least 100, or 0 = no bound",
         .max = 10'000},
        &ConsistentHash::balance_factor_percent);
}

constexpr TypeInfo type_info(const SlowStart*) {
  return {"slow_start", "How the share of an endpoint that is new or available again grows"};
}
template <class V>
void describe(V&& visit, const SlowStart*) {
  visit({.name = "window_ms", .doc = "until it has its full share; 0 = off", .max = kMaxTimeoutMs},
        &SlowStart::window);
  visit({.name = "aggression_percent",
         .doc = "100 = its share grows linearly; above, faster at first",
         .min = 1,
         .max = 10'000},
        &SlowStart::aggression_percent);
  visit({.name = "min_weight_percent", .doc = "of its weight, at the start", .min = 1, .max = 100},
        &SlowStart::min_weight_percent);
}

constexpr TypeInfo type_info(const Locality*) {
  return {"locality", "Which zone's endpoints are used"};
}
template <class V>
void describe(V&& visit, const Locality*) {
  visit({"prefer", "when the proxy knows its own zone"}, &Locality::prefer);
  visit({.name = "overprovisioning_percent",
         .doc = "how much more than its part of the traffic a zone is taken to bear",
         .min = 100,
         .max = 10'000},
        &Locality::overprovisioning_percent);
}

constexpr TypeInfo type_info(const ClusterTimeouts*) {
  return {"cluster_timeouts", "How long a backend may take"};
}
template <class V>
void describe(V&& visit, const ClusterTimeouts*) {
  const auto timeout = [&](std::string_view name, std::string_view doc, auto member) {
    visit({.name = name, .doc = doc, .min = 1, .max = kMaxTimeoutMs}, member);
  };
  timeout("connect_ms", "502 beyond", &ClusterTimeouts::connect);
  timeout("response_head_ms", "request sent to response head complete; 504 beyond",
          &ClusterTimeouts::response_head);
  timeout("response_body_idle_ms", "between two pieces of a body; cut beyond",
          &ClusterTimeouts::response_body_idle);
  timeout("request_write_idle_ms", "the backend does not read the body; 504 beyond",
          &ClusterTimeouts::request_write_idle);
  timeout("idle_connection_ms", "kept unused for the next request", &ClusterTimeouts::idle_connection);
  visit({.name = "max_connection_duration_ms",
         .doc = "age, less up to a tenth, at which a connection is not used again; 0 = none",
         .max = kMaxTimeoutMs},
        &ClusterTimeouts::max_connection_duration);
}

constexpr TypeInfo type_info(const ClusterLimits*) {
  return {"cluster_limits", "What a backend may send, and how many connections to it are kept"};
}
template <class V>
void describe(V&& visit, const ClusterLimits*) {
  visit({.name = "response_head_bytes", .doc = "502 beyond", .min = 1024, .max = kMaxHeadBytes},
        &ClusterLimits::response_head_bytes);
  visit({.name = "max_response_headers", .doc = "502 beyond", .min = 1, .max = 10'000},
        &ClusterLimits::max_response_headers);
  visit({.name = "max_interim_responses", .doc = "1xx before the final head; 502 beyond", .max = 1000},
        &ClusterLimits::max_interim_responses);
  visit({.name = "max_idle_connections", .doc = "kept per endpoint and worker; 0 = none", .max = 100'000},
        &ClusterLimits::max_idle_connections);
  visit(
      {.name = "max_requests_per_connection", .doc = "then it is closed; 0 = no limit", .max = 1'000'000'000},
      &ClusterLimits::max_requests_per_connection);
  visit(
      {.name = "preconnect",
       .doc =
           "idle connections opened ahead, per endpoint and worker, `max_idle_connections` at most; 0 = none",
       .max = 1000},
      &ClusterLimits::preconnect);
}

constexpr TypeInfo type_info(const CircuitBreakers*) {
  return {"circuit_breakers",
          "How much of a cluster may be under way in the whole process, all workers together; 0 = no limit"};
}
template <class V>
void describe(V&& visit, const CircuitBreakers*) {
  visit({"max_connections", "open, idle ones included; beyond, requests wait for one"},
        &CircuitBreakers::max_connections);
  visit({"max_pending_requests", "waiting for a connection; 503 beyond"},
        &CircuitBreakers::max_pending_requests);
  visit({"max_requests", "sent and not answered in full yet; 503 beyond"}, &CircuitBreakers::max_requests);
  visit({"max_retries", "requests that are tried again; beyond, they fail as they did"},
        &CircuitBreakers::max_retries);
}

constexpr std::array<EnumInfo<BackendProtocol>, 3> enum_table(BackendProtocol) {
  return {{{BackendProtocol::kHttp1, "http1", "HTTP/1.1"},
           {BackendProtocol::kHttp2, "http2",
            "HTTP/2: with prior knowledge, over TLS where the backend agrees to it (ALPN)"},
           {BackendProtocol::kAuto, "auto",
            "over TLS what the backend chooses (ALPN), HTTP/2 if it can; else HTTP/1.1"}}};
}

constexpr TypeInfo type_info(const BackendHttp2*) {
  return {"backend_http2", "HTTP/2 to backends"};
}
template <class V>
void describe(V&& visit, const BackendHttp2*) {
  visit({.name = "max_streams",
         .doc = "requests at once on a connection; less where the backend says so",
         .min = 1,
         .max = 10'000},
        &BackendHttp2::max_streams);
  visit({.name = "stream_window_bytes",
         .doc = "what a backend may send ahead of us, of one response",
         .min = 16'384,
         .max = (std::int64_t{1} << 31) - 1},
        &BackendHttp2::stream_window_bytes);
  visit({.name = "connection_window_bytes",
         .doc = "likewise, of all on a connection",
         .min = 65'535,
         .max = (std::int64_t{1} << 31) - 1},
        &BackendHttp2::connection_window_bytes);
}

constexpr TypeInfo type_info(const Cluster*) {
  return {"cluster", "Backends that serve the same thing"};
}
template <class V>
void describe(V&& visit, const Cluster*) {
  visit({"name", "unique among clusters", Presence::kRequired, 1, kMaxNameBytes}, &Cluster::name);
  visit({.name = "endpoints", .doc = "each once; none: requests are answered 503", .max = 65'536},
        &Cluster::endpoints);
  visit({"load_balancing", "how an endpoint is chosen"}, &Cluster::load_balancing);
  visit({"consistent_hash", "of the load balancing of that name"}, &Cluster::consistent_hash);
  visit({"slow_start", "for endpoints that are new"}, &Cluster::slow_start);
  visit({"locality", "endpoints of the own zone first"}, &Cluster::locality);
  visit({.name = "panic_threshold_percent",
         .doc = "when a smaller share of the endpoints is available, all are used; 0 = never",
         .max = 100},
        &Cluster::panic_threshold_percent);
  visit({"timeouts", "how long a backend may take"}, &Cluster::timeouts);
  visit({"limits", "what a backend may send"}, &Cluster::limits);
  visit({"circuit_breakers", "how much may be under way at once"}, &Cluster::circuit_breakers);
  visit({"proxy_protocol",
         "the PROXY protocol header that connections begin with; such a connection serves one client only"},
        &Cluster::proxy_protocol);
  visit({"protocol", "what is spoken to the endpoints"}, &Cluster::protocol);
  visit({"http2", "where it is"}, &Cluster::http2);
  visit({"tls", "unset = plain"}, &Cluster::tls);
  visit({"health_check", "probes of the endpoints; unset = none"}, &Cluster::health_check);
  visit({"outlier_detection", "what is made of the answers to requests; unset = nothing"},
        &Cluster::outlier_detection);
  visit({"origin", "where it comes from"}, &Cluster::origin);
}

}  // namespace ingress::config
