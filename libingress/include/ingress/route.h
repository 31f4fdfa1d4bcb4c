// Which request goes where: routes, rules, matches. Part of the typed model (IR).
//
// Precedence among the rules that match a request (Gateway API, HTTPRouteRule.matches): the most
// specific host pattern, then exact path, then regular expression (the longest text first), then longest
// prefix, then method given, then most header matches, then most query matches, then oldest route, then
// route name, then rule order. When no rule of the most specific host matches, less specific host patterns
// are tried.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/origin.h"
#include "ingress/retry.h"
#include "ingress/value_match.h"

namespace ingress {

enum class PathMatchType : std::uint8_t { kExact, kPrefix, kRegularExpression };

// Matches the normalised path. A prefix matches whole segments: "/foo" matches "/foo", "/foo/" and
// "/foo/bar", never "/foobar"; its trailing slash means nothing. An exact path is byte for byte. A regular
// expression (RE2, at most 1024 bytes and 2000 instructions) matches the whole path, byte by byte.
struct PathMatch {
  PathMatchType type = PathMatchType::kPrefix;
  std::string value = "/";  // starts with '/', but for a regular expression

  static PathMatch exact(std::string_view path) { return {PathMatchType::kExact, std::string(path)}; }
  static PathMatch prefix(std::string_view path) { return {PathMatchType::kPrefix, std::string(path)}; }
  static PathMatch regular_expression(std::string_view pattern) {
    return {PathMatchType::kRegularExpression, std::string(pattern)};
  }
  friend bool operator==(const PathMatch&, const PathMatch&) = default;
};

// The named header (any case) is present with exactly this value, or one that the regular expression matches
// as a whole; several fields of one name are compared joined by ", " (RFC 9110 5.3).
struct HeaderMatch {
  std::string name;
  std::string value;
  ValueMatchType type = ValueMatchType::kExact;
  friend bool operator==(const HeaderMatch&, const HeaderMatch&) = default;
};

// The first query parameter of this name has exactly this value, or one that the regular expression matches
// as a whole; compared undecoded.
struct QueryMatch {
  std::string name;
  std::string value;
  ValueMatchType type = ValueMatchType::kExact;
  friend bool operator==(const QueryMatch&, const QueryMatch&) = default;
};

// All parts must hold.
struct RouteMatch {
  PathMatch path = {};
  std::string method = {};  // empty = any
  std::vector<HeaderMatch> headers = {};
  std::vector<QueryMatch> query = {};
  friend bool operator==(const RouteMatch&, const RouteMatch&) = default;
};

// An answer made without a backend: an unmatched request, a backend that does not exist.
struct FixedReply {
  std::uint16_t status = 503;  // 200 to 599
  std::string why = {};        // snake_case token for the access log ("no_route"); [a-z0-9_:]
  friend bool operator==(const FixedReply&, const FixedReply&) = default;
};

// One share of a rule's traffic.
struct BackendRef {
  std::string cluster = {};                // may be empty when `failure` is set
  std::uint32_t weight = 1;                // 0 to 1,000,000; 0 takes nothing
  std::optional<FixedReply> failure = {};  // this share is answered so, and keeps its weight
  friend bool operator==(const BackendRef&, const BackendRef&) = default;
};

// A copy of a share of a rule's requests, whose response nobody sees (Gateway API, HTTPRequestMirrorFilter).
// The copy has the head and body that the backend gets; it is lost rather than that it makes the request
// wait.
struct RequestMirror {
  std::string cluster = {};
  std::uint32_t numerator = 100;  // of `denominator` requests, at random; at most that
  std::uint32_t denominator = 100;
  friend bool operator==(const RequestMirror&, const RequestMirror&) = default;
};

struct RouteTimeouts {
  // Request head complete to response complete; 0 = none. 504 before the response head is sent.
  std::chrono::milliseconds request{0};
  // Of one try: request begins to be sent to response complete; 0 = none. At most `request`.
  std::chrono::milliseconds backend_request{0};
  // The header that tells the backend how many milliseconds are left; empty = none.
  std::string deadline_header = {};
  // An upgraded connection (101) over which nothing goes in either direction is closed; 0 = never. The limits
  // above end with the 101.
  std::chrono::milliseconds tunnel_idle{3'600'000};
  friend bool operator==(const RouteTimeouts&, const RouteTimeouts&) = default;
};

// What becomes of requests that come without TLS.
enum class PlainRequests : std::uint8_t {
  kServe,
  // 308 to the same place under https. Not for what a trusted proxy says came to it by https, nor for paths
  // below "/.well-known/acme-challenge/" (RFC 8555 8.3), which must be answered without TLS.
  kRedirect,
};

// Whom a Strict-Transport-Security speaks of (RFC 6797).
enum class HstsScope : std::uint8_t {
  kHost,
  kSubdomains,  // those below it too
  kPreload,     // and browsers may build it in (hstspreload.org)
};

// Tells clients to come by TLS only from now on; it takes the place of what the backend says of that. Sent
// over TLS only (RFC 6797 7.2).
struct Hsts {
  std::chrono::seconds max_age{31'536'000};  // 0 = they forget what they were told
  HstsScope scope = HstsScope::kHost;
  friend bool operator==(const Hsts&, const Hsts&) = default;
};

// gRPC-Web (github.com/grpc/grpc, PROTOCOL-WEB.md): what browsers can speak of gRPC.
enum class GrpcWeb : std::uint8_t {
  kPass,       // as any other request
  kTranslate,  // to gRPC for the backend, and its answer back
};

struct RouteRule {
  std::string name = {};                 // for logs; empty = its position
  std::vector<RouteMatch> matches = {};  // any of them; none = every path
  std::vector<BackendRef> backends = {};
  std::vector<RequestMirror> mirrors = {};  // of the requests that go to a backend, each on its own
  std::optional<FixedReply> reply = {};     // answers all; backends must be empty then
  PlainRequests plain_requests = PlainRequests::kServe;
  std::optional<Hsts> hsts = {};  // unset: what the backend says stays
  GrpcWeb grpc_web = GrpcWeb::kPass;
  RouteTimeouts timeouts = {};
  std::optional<RetryPolicy> retry = {};
  friend bool operator==(const RouteRule&, const RouteRule&) = default;
};

struct Route {
  std::string name;  // unique among routes; the controller uses "namespace/name"
  // "a.b" exactly; "*.a.b" exactly one label more (Ingress, RFC 6125); "**.a.b" one or more labels
  // (Gateway API); none = any host. Lower case, no port.
  std::vector<std::string> hosts = {};
  std::vector<RouteRule> rules = {};
  std::optional<std::int64_t> created_at = {};  // unix seconds; unset = newest
  Origin origin = {};
  friend bool operator==(const Route&, const Route&) = default;
};

}  // namespace ingress
