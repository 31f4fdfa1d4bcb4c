// The fields of routes, rules and matches; see config/fields.h.
#pragma once

#include <array>

#include "config/fields_common.h"
#include "config/fields_retry.h"
#include "ingress/route.h"

namespace ingress::config {

constexpr std::array<EnumInfo<PathMatchType>, 3> enum_table(PathMatchType) {
  return {{{PathMatchType::kExact, "exact", "the same bytes"},
           {PathMatchType::kPrefix, "prefix", "whole segments: `/foo` matches `/foo/bar`, never `/foobar`"},
           {PathMatchType::kRegularExpression, "regular_expression", "of RE2; matches the whole path"}}};
}

constexpr TypeInfo type_info(const PathMatch*) {
  return {"path_match",
          "Compared with the normalised path (dot segments removed, unreserved characters "
          "decoded)"};
}
template <class V>
void describe(V&& visit, const PathMatch*) {
  visit({"type", "how it is compared", Presence::kRequired}, &PathMatch::type);
  visit({"value",
         "starts with `/`; no query, no raw spaces or non-ASCII characters; a regular expression has at most "
         "1024 bytes",
         Presence::kRequired, 1, 4096},
        &PathMatch::value);
}

constexpr TypeInfo type_info(const HeaderMatch*) {
  return {"header_match", "A header present with this value; several fields of one name are joined by `, `"};
}
template <class V>
void describe(V&& visit, const HeaderMatch*) {
  visit({"name", "in any case", Presence::kRequired, 1, 256}, &HeaderMatch::name);
  visit({"value", "case-sensitive", Presence::kRequired, 0, 4096}, &HeaderMatch::value);
  visit({"type", "how it is compared"}, &HeaderMatch::type);
}

constexpr TypeInfo type_info(const QueryMatch*) {
  return {"query_match", "The first query parameter of this name has this value, both undecoded"};
}
template <class V>
void describe(V&& visit, const QueryMatch*) {
  visit({"name", "as it stands in the URL", Presence::kRequired, 1, 256}, &QueryMatch::name);
  visit({"value", "as it stands in the URL", Presence::kRequired, 0, 4096}, &QueryMatch::value);
  visit({"type", "how it is compared"}, &QueryMatch::type);
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

constexpr TypeInfo type_info(const RequestMirror*) {
  return {
      "mirror",
      "Copies of a share of a rule's requests. Their responses are dropped, and a copy is lost rather than "
      "that it makes the request wait"};
}
template <class V>
void describe(V&& visit, const RequestMirror*) {
  visit({"cluster", "name of a cluster", Presence::kRequired, 1, kMaxNameBytes}, &RequestMirror::cluster);
  visit({.name = "numerator", .doc = "of `denominator` requests, at random; at most that", .max = 1'000'000},
        &RequestMirror::numerator);
  visit({.name = "denominator", .doc = "100 for a percentage", .min = 1, .max = 1'000'000},
        &RequestMirror::denominator);
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
  visit({.name = "backend_request_ms",
         .doc = "of one try: request begins to be sent to response complete; 504 beyond; 0 = none; at most "
                "`request_ms`",
         .max = kMaxTimeoutMs},
        &RouteTimeouts::backend_request);
  visit({.name = "deadline_header",
         .doc = "a header that tells the backend how many milliseconds are left; empty = none",
         .max = 256},
        &RouteTimeouts::deadline_header);
  visit(
      {.name = "tunnel_idle_ms",
       .doc = "an upgraded connection (101) over which nothing goes in either direction is closed; 0 = never",
       .max = kMaxTimeoutMs},
      &RouteTimeouts::tunnel_idle);
}

constexpr std::array<EnumInfo<PlainRequests>, 2> enum_table(PlainRequests) {
  return {{{PlainRequests::kServe, "serve", "they are served as those with TLS"},
           {PlainRequests::kRedirect, "redirect",
            "308 to the same place under https, but for what a trusted proxy says came to it by https and "
            "for paths below `/.well-known/acme-challenge/`"}}};
}
constexpr std::array<EnumInfo<HstsScope>, 3> enum_table(HstsScope) {
  return {{{HstsScope::kHost, "host", "the host alone"},
           {HstsScope::kSubdomains, "subdomains", "all hosts below it too (`includeSubDomains`)"},
           {HstsScope::kPreload, "preload", "the same, and browsers may build it in (`preload`)"}}};
}
constexpr TypeInfo type_info(const Hsts*) {
  return {"hsts",
          "A `Strict-Transport-Security` for responses over TLS, in place of the backend's: clients are to "
          "come by TLS only"};
}
template <class V>
void describe(V&& visit, const Hsts*) {
  visit({.name = "max_age_s",
         .doc = "for how many seconds; 0: clients forget what they were told",
         .max = std::int64_t{10} * 365 * 24 * 60 * 60},
        &Hsts::max_age);
  visit({"scope", "which hosts it is for"}, &Hsts::scope);
}

constexpr std::array<EnumInfo<GrpcWeb>, 2> enum_table(GrpcWeb) {
  return {{{GrpcWeb::kPass, "pass", "they are passed on as they are"},
           {GrpcWeb::kTranslate, "translate",
            "the backend gets gRPC, and the client its answer as gRPC-Web, binary or text"}}};
}

constexpr TypeInfo type_info(const RouteRule*) {
  return {"rule", "What happens to the requests it matches"};
}
template <class V>
void describe(V&& visit, const RouteRule*) {
  visit({.name = "name", .doc = "for logs; empty = its position", .max = kMaxNameBytes}, &RouteRule::name);
  visit({.name = "matches", .doc = "any of them; none = every path", .max = 4096}, &RouteRule::matches);
  visit({.name = "backends", .doc = "share the traffic by weight", .max = 4096}, &RouteRule::backends);
  visit({.name = "mirrors", .doc = "copies for others, each on its own", .max = 16}, &RouteRule::mirrors);
  visit({"reply", "answers all; `backends` must be empty then"}, &RouteRule::reply);
  visit({"plain_requests", "what becomes of requests that come without TLS"}, &RouteRule::plain_requests);
  visit({"hsts", "what responses over TLS say of it; unset: what the backend says"}, &RouteRule::hsts);
  visit({"grpc_web", "what becomes of calls by gRPC-Web"}, &RouteRule::grpc_web);
  visit({"timeouts", "how long an exchange may take"}, &RouteRule::timeouts);
  visit({"retry", "when a request is tried again; unset: once, when no connection could be made"},
        &RouteRule::retry);
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
