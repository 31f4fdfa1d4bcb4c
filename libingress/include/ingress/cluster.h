// Where requests go: clusters and their endpoints. Part of the typed model (IR).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ingress/backend_tls.h"
#include "ingress/health.h"
#include "ingress/origin.h"

namespace ingress {

// Address and port say which one it is: with another weight or zone it is still the same.
struct Endpoint {
  std::string address;       // IPv4, IPv6 without brackets, or a host name to resolve
  std::uint16_t port = 0;    // 1 to 65535
  std::uint32_t weight = 1;  // its share, relative to the other endpoints; 1 to 1'000'000
  std::string zone = {};     // where it stands; empty = not known
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// Whether endpoints may be at loopback, link-local, unspecified, multicast or reserved addresses, named
// or resolved. Whoever else can write an endpoint, or answer for its name, could otherwise reach what
// listens on this machine for nobody else, and the metadata service of a cloud.
enum class LocalBackends : std::uint8_t { kRefused, kAllowed };

// All heed weights. All but kConsistentHash heed slow start and zones.
enum class LoadBalancing : std::uint8_t {
  kRoundRobin,      // smooth: shares are right in the short run too
  kLeastRequest,    // power of two choices: the less loaded of two random endpoints
  kRandom,          // by weight alone
  kPeakEwma,        // of two random endpoints the one that answers sooner, by its latency times its load
  kConsistentHash,  // the same key goes to the same endpoint
};

enum class HashSource : std::uint8_t { kClientAddress, kHeader, kCookie, kQueryParameter, kPath };

// Of LoadBalancing::kConsistentHash. A request that has no such key goes to a random endpoint.
struct ConsistentHash {
  HashSource source = HashSource::kClientAddress;
  std::string name = {};  // of the header, cookie or parameter
  // Bounded load: no endpoint has more than this percentage of the mean number of a worker's running
  // requests; the next one on the ring takes what is beyond. 0 = no bound, else at least 100.
  std::uint32_t balance_factor_percent = 0;
  friend bool operator==(const ConsistentHash&, const ConsistentHash&) = default;
};

// An endpoint that is new, or available again, starts with a small share that grows with its age:
// weight * max(min_weight_percent, (age / window) ^ (1 / aggression)).
struct SlowStart {
  std::chrono::milliseconds window{0};     // 0 = off
  std::uint32_t aggression_percent = 100;  // 100 = linear; above, it grows faster at first
  std::uint32_t min_weight_percent = 10;
  friend bool operator==(const SlowStart&, const SlowStart&) = default;
};

enum class ZonePreference : std::uint8_t { kNone, kOwnZone };

// The endpoints of our own zone (ServerOptions::zone) take all requests while they are enough for the
// zone's part of the traffic, taken to be the same in each zone of the cluster; else the other zones take
// the rest. Enough: share of the endpoints * number of zones * overprovisioning >= 1.
struct Locality {
  ZonePreference prefer = ZonePreference::kNone;
  std::uint32_t overprovisioning_percent = 140;
  friend bool operator==(const Locality&, const Locality&) = default;
};

struct ClusterTimeouts {
  std::chrono::milliseconds connect{5'000};              // 502 beyond
  std::chrono::milliseconds response_head{60'000};       // request sent to response head complete; 504
  std::chrono::milliseconds response_body_idle{60'000};  // between two pieces of a body; cut
  std::chrono::milliseconds request_write_idle{60'000};  // the backend does not read the body; 504
  std::chrono::milliseconds idle_connection{60'000};     // in the pool
  // A connection that is older is not used again; each ends up to a tenth earlier, so that those opened
  // together do not end together. A running exchange is never cut. 0 = none.
  std::chrono::milliseconds max_connection_duration{0};
  friend bool operator==(const ClusterTimeouts&, const ClusterTimeouts&) = default;
};

struct ClusterLimits {
  std::uint32_t response_head_bytes = 64 * 1024;  // 502 beyond
  std::uint32_t max_response_headers = 200;       // 502 beyond
  std::uint32_t max_interim_responses = 16;       // 1xx before the final head; 502 beyond
  std::uint32_t max_idle_connections = 1024;      // kept per endpoint and worker
  std::uint32_t max_requests_per_connection = 0;  // then it is closed; 0 = no limit
  // Idle connections opened ahead, per endpoint and worker, so that requests find one; 0 = none.
  std::uint32_t preconnect = 0;
  friend bool operator==(const ClusterLimits&, const ClusterLimits&) = default;
};

// How much of a cluster may be under way in the whole process, all workers together; 0 = no limit. What
// began before the cluster had any limit is not counted.
struct CircuitBreakers {
  std::uint32_t max_connections = 0;       // open, idle ones included; beyond, requests wait for one
  std::uint32_t max_pending_requests = 0;  // waiting for a connection; beyond: 503 circuit_open
  std::uint32_t max_requests = 0;          // sent and not answered in full yet; beyond: 503 circuit_open
  std::uint32_t max_retries = 0;           // requests that are tried again; beyond, they fail as they did
  bool is_limited() const { return *this != CircuitBreakers{}; }
  friend bool operator==(const CircuitBreakers&, const CircuitBreakers&) = default;
};

// What each connection to a backend begins with, in front of TLS too: a header of the PROXY protocol that
// names the client and where it connected to. Such a connection serves that client only: requests share one
// when their headers are the same to the byte.
enum class ProxyProtocol : std::uint8_t { kNone, kV1, kV2 };

enum class BackendProtocol : std::uint8_t {
  kHttp1,  // HTTP/1.1
  kHttp2,  // HTTP/2: with prior knowledge, over TLS only where the backend agrees to it (ALPN)
  kAuto,   // over TLS what the backend chooses (ALPN), HTTP/2 if it can; else HTTP/1.1
};

// HTTP/2 to backends (RFC 9113).
struct BackendHttp2 {
  std::uint32_t max_streams = 100;  // requests at once on a connection; less where the backend says so
  // What a backend may send ahead of us, of one response's body and of all on a connection.
  std::uint32_t stream_window_bytes = 256 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;
  friend bool operator==(const BackendHttp2&, const BackendHttp2&) = default;
};

struct Cluster {
  std::string name;  // unique among clusters; the controller uses "namespace/service:port"
  std::vector<Endpoint> endpoints = {};  // no endpoint: 503 no_endpoints
  LoadBalancing load_balancing = LoadBalancing::kRoundRobin;
  ConsistentHash consistent_hash = {};
  SlowStart slow_start = {};
  Locality locality = {};
  // When a smaller share of the endpoints than this is available, all are used: what is left would only be
  // crushed next. 0 = never.
  std::uint32_t panic_threshold_percent = 50;
  ClusterTimeouts timeouts = {};
  ClusterLimits limits = {};
  CircuitBreakers circuit_breakers = {};
  ProxyProtocol proxy_protocol = ProxyProtocol::kNone;
  BackendProtocol protocol = BackendProtocol::kHttp1;
  BackendHttp2 http2 = {};
  std::optional<BackendTls> tls = {};  // unset = plain
  std::optional<HealthCheck> health_check = {};
  std::optional<OutlierDetection> outlier_detection = {};
  Origin origin = {};
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

}  // namespace ingress
