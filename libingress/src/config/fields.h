// The one table of fields of every type of the configuration: name in the file form, member, bounds
// and meaning. The reader, the writer, the schema, the bounds that validate() checks and the tables
// of docs/config.md are all made from it, so that they cannot drift apart.
//
// describe(visit, type pointer) calls visit(FieldInfo, member pointer) once per field, in the order
// in which the file form writes them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ingress/config.h"

namespace ingress::config {

inline constexpr std::int64_t kFileVersion = 1;

enum class Presence : std::uint8_t {
  kOptional,  // left out when it has its default value
  kRequired,  // always written, and the reader asks for it
};

struct FieldInfo {
  std::string_view name;
  std::string_view doc;  // one line, without a full stop
  Presence presence = Presence::kOptional;
  // Of a number or duration (ms) its range, of a text its bytes, of a list its items. max 0 = whatever
  // the type holds. Checked by validate(), not by the reader.
  std::int64_t min = 0;
  std::int64_t max = 0;
};

struct TypeInfo {
  std::string_view name;  // in the schema and the reference: "listener_limits"
  std::string_view doc;
};

template <class E>
struct EnumInfo {
  E value;
  std::string_view name;
  std::string_view doc;
};

inline constexpr std::int64_t kMaxNameBytes = 512;
inline constexpr std::int64_t kMaxTimeoutMs = 24 * 60 * 60 * 1000;
inline constexpr std::int64_t kMaxHeadBytes = 1024 * 1024;
inline constexpr std::int64_t kMaxWeight = 1'000'000;

constexpr std::array<EnumInfo<LoadBalancing>, 2> enum_table(LoadBalancing) {
  return {{{LoadBalancing::kRoundRobin, "round_robin", "each endpoint in turn"},
           {LoadBalancing::kLeastRequest, "least_request", "the less loaded of two random endpoints"}}};
}
constexpr std::array<EnumInfo<PathMatchType>, 2> enum_table(PathMatchType) {
  return {{{PathMatchType::kExact, "exact", "the same bytes"},
           {PathMatchType::kPrefix, "prefix", "whole segments: `/foo` matches `/foo/bar`, never `/foobar`"}}};
}

constexpr TypeInfo type_info(const GatewayConfig*) {
  return {"config", "The whole configuration"};
}
template <class V>
void describe(V&& visit, const GatewayConfig*) {
  visit({"listeners", "where requests come in"}, &GatewayConfig::listeners);
  visit({"clusters", "where requests go"}, &GatewayConfig::clusters);
  visit({"routes", "which request goes where"}, &GatewayConfig::routes);
}

constexpr TypeInfo type_info(const Origin*) {
  return {"origin", "The object that a part came from, for logs, problems and explanations"};
}
template <class V>
void describe(V&& visit, const Origin*) {
  visit({.name = "kind", .doc = "such as `Ingress`", .max = kMaxNameBytes}, &Origin::kind);
  visit({.name = "namespace", .doc = "of the object", .max = kMaxNameBytes}, &Origin::namespace_);
  visit({.name = "name", .doc = "of the object", .max = kMaxNameBytes}, &Origin::name);
}

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
  timeout("request_head_ms", "first byte of a head to its last; 408 beyond", &ListenerTimeouts::request_head);
  timeout("request_body_idle_ms", "between two pieces of a body; 408 beyond",
          &ListenerTimeouts::request_body_idle);
  timeout("keep_alive_idle_ms", "between exchanges; closes silently", &ListenerTimeouts::keep_alive_idle);
  timeout("write_idle_ms", "a response waits for the client to read; cut beyond",
          &ListenerTimeouts::write_idle);
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
}

constexpr TypeInfo type_info(const Endpoint*) {
  return {"endpoint", "One backend to connect to"};
}
template <class V>
void describe(V&& visit, const Endpoint*) {
  visit({"address", "IPv4, IPv6 without brackets, or a host name to resolve", Presence::kRequired, 1, 254},
        &Endpoint::address);
  visit({"port", "TCP port", Presence::kRequired, 1, 65535}, &Endpoint::port);
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
  visit({"timeouts", "how long a backend may take"}, &Cluster::timeouts);
  visit({"limits", "what a backend may send"}, &Cluster::limits);
  visit({"origin", "where it comes from"}, &Cluster::origin);
}

constexpr TypeInfo type_info(const PathMatch*) {
  return {"path_match",
          "Compared with the normalised path (dot segments removed, unreserved characters "
          "decoded)"};
}
template <class V>
void describe(V&& visit, const PathMatch*) {
  visit({"type", "how it is compared", Presence::kRequired}, &PathMatch::type);
  visit({"value", "starts with `/`; no query, no raw spaces or non-ASCII characters", Presence::kRequired, 1,
         4096},
        &PathMatch::value);
}

constexpr TypeInfo type_info(const HeaderMatch*) {
  return {"header_match",
          "A header present with exactly this value; several fields of one name are joined "
          "by `, `"};
}
template <class V>
void describe(V&& visit, const HeaderMatch*) {
  visit({"name", "in any case", Presence::kRequired, 1, 256}, &HeaderMatch::name);
  visit({"value", "case-sensitive", Presence::kRequired, 0, 4096}, &HeaderMatch::value);
}

constexpr TypeInfo type_info(const QueryMatch*) {
  return {"query_match", "The first query parameter of this name has exactly this value, both undecoded"};
}
template <class V>
void describe(V&& visit, const QueryMatch*) {
  visit({"name", "as it stands in the URL", Presence::kRequired, 1, 256}, &QueryMatch::name);
  visit({"value", "as it stands in the URL", Presence::kRequired, 0, 4096}, &QueryMatch::value);
}

constexpr TypeInfo type_info(const RouteMatch*) {
  return {"match", "A request for which all parts hold"};
}
template <class V>
void describe(V&& visit, const RouteMatch*) {
  visit({"path", "left out = every path"}, &RouteMatch::path);
  visit({.name = "method", .doc = "case-sensitive; empty = any", .max = 32}, &RouteMatch::method);
  visit({.name = "headers", .doc = "all must hold", .max = 64}, &RouteMatch::headers);
  visit({.name = "query", .doc = "all must hold", .max = 64}, &RouteMatch::query);
}

constexpr TypeInfo type_info(const FixedReply*) {
  return {"fixed_reply", "An answer made without a backend"};
}
template <class V>
void describe(V&& visit, const FixedReply*) {
  visit({"status", "HTTP status", Presence::kRequired, 200, 599}, &FixedReply::status);
  visit({.name = "why", .doc = "for the access log: lower-case letters, digits, `_` and `:`", .max = 64},
        &FixedReply::why);
}

constexpr TypeInfo type_info(const BackendRef*) {
  return {"backend", "One share of a rule's traffic"};
}
template <class V>
void describe(V&& visit, const BackendRef*) {
  visit({.name = "cluster",
         .doc = "name of a cluster; may be empty when `failure` is set",
         .max = kMaxNameBytes},
        &BackendRef::cluster);
  visit({.name = "weight",
         .doc = "relative to the other backends of the rule; 0 takes nothing",
         .max = kMaxWeight},
        &BackendRef::weight);
  visit({"failure", "this share is answered so, and keeps its weight"}, &BackendRef::failure);
}

constexpr TypeInfo type_info(const RouteTimeouts*) {
  return {"rule_timeouts", "How long an exchange may take"};
}
template <class V>
void describe(V&& visit, const RouteTimeouts*) {
  visit({.name = "request_ms",
         .doc = "request head complete to response complete; 504 beyond; 0 = none",
         .max = kMaxTimeoutMs},
        &RouteTimeouts::request);
}

constexpr TypeInfo type_info(const RouteRule*) {
  return {"rule", "What happens to the requests it matches"};
}
template <class V>
void describe(V&& visit, const RouteRule*) {
  visit({.name = "name", .doc = "for logs; empty = its position", .max = kMaxNameBytes}, &RouteRule::name);
  visit({.name = "matches", .doc = "any of them; none = every path", .max = 4096}, &RouteRule::matches);
  visit({.name = "backends", .doc = "share the traffic by weight", .max = 4096}, &RouteRule::backends);
  visit({"reply", "answers all; `backends` must be empty then"}, &RouteRule::reply);
  visit({"timeouts", "how long an exchange may take"}, &RouteRule::timeouts);
}

constexpr TypeInfo type_info(const Route*) {
  return {"route", "Hosts, and the rules for requests to them"};
}
template <class V>
void describe(V&& visit, const Route*) {
  visit({"name", "unique among routes", Presence::kRequired, 1, kMaxNameBytes}, &Route::name);
  visit({.name = "hosts",
         .doc = "`a.b` exactly, `*.a.b` one label more, `**.a.b` one or more labels; none = any host; "
                "lower case, no port",
         .max = 16'384},
        &Route::hosts);
  visit({.name = "rules", .doc = "the most specific match wins, whatever the order", .max = 65'536},
        &Route::rules);
  visit({"created_at", "unix seconds; the oldest route wins a tie; unset = newest"}, &Route::created_at);
  visit({"origin", "where it comes from"}, &Route::origin);
}

}  // namespace ingress::config
