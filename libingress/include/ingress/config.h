// The whole configuration of a server as plain data (the IR), its deltas, and what is wrong with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ingress/certificate.h"
#include "ingress/cluster.h"
#include "ingress/error.h"
#include "ingress/export.h"
#include "ingress/listener.h"
#include "ingress/route.h"
#include "ingress/stream_route.h"
#include "ingress/tls_policy.h"
#include "ingress/udp_listener.h"

namespace ingress {

// The order within each list carries no meaning: names are keys.
struct GatewayConfig {
  std::vector<Listener> listeners = {};
  std::vector<Cluster> clusters = {};
  std::vector<Route> routes = {};
  std::vector<Certificate> certificates = {};
  std::vector<TlsPolicy> tls_policies = {};
  std::vector<StreamRoute> stream_routes = {};
  std::vector<UdpListener> udp_listeners = {};
  friend bool operator==(const GatewayConfig&, const GatewayConfig&) = default;
};

// A change of a GatewayConfig by key. Removals are applied first; removing what is absent does nothing.
struct ConfigDelta {
  std::vector<Listener> upsert_listeners = {};
  std::vector<std::string> remove_listeners = {};
  std::vector<Cluster> upsert_clusters = {};
  std::vector<std::string> remove_clusters = {};
  std::vector<Route> upsert_routes = {};
  std::vector<std::string> remove_routes = {};
  std::vector<Certificate> upsert_certificates = {};
  std::vector<std::string> remove_certificates = {};
  std::vector<TlsPolicy> upsert_tls_policies = {};
  std::vector<std::string> remove_tls_policies = {};
  std::vector<StreamRoute> upsert_stream_routes = {};
  std::vector<std::string> remove_stream_routes = {};
  std::vector<UdpListener> upsert_udp_listeners = {};
  std::vector<std::string> remove_udp_listeners = {};
  bool is_empty() const {
    return upsert_listeners.empty() && remove_listeners.empty() && upsert_clusters.empty() &&
           remove_clusters.empty() && upsert_routes.empty() && remove_routes.empty() &&
           upsert_certificates.empty() && remove_certificates.empty() && upsert_tls_policies.empty() &&
           remove_tls_policies.empty() && upsert_stream_routes.empty() && remove_stream_routes.empty() &&
           upsert_udp_listeners.empty() && remove_udp_listeners.empty();
  }
  friend bool operator==(const ConfigDelta&, const ConfigDelta&) = default;
};

// A warning says that something is probably not meant; it stops nothing.
enum class Severity : std::uint8_t { kError, kWarning };

// One thing that is wrong, and what to do about it.
struct Problem {
  Severity severity = Severity::kError;
  std::string source = {};  // file (path relative to its folder) or "cluster"; empty when unknown
  Origin object = {};
  std::string field = {};  // "spec.rules[0].http.paths[1].path", "routes[3].rules[0].backends[0].cluster"
  std::string why = {};
  std::string fix = {};
  friend auto operator<=>(const Problem&, const Problem&) = default;
};

// All problems of `config` at once, in the order of its parts. It can be published when none of them is
// of Severity::kError: publish(), apply() and Router::compile() ignore warnings.
INGRESS_EXPORT std::vector<Problem> validate(const GatewayConfig& config);

// Changes `config` so that it validates, closing what is broken and never opening it. A bad rule or
// backend becomes a FixedReply of status 500 (`why` "invalid_rule" or "invalid_backend", a backend
// keeps its weight). Bad hosts, matches and endpoints are left out; a route or rule that loses the last
// of its hosts or matches goes with it, as without any it would match everything. Limits and timeouts
// out of range get their defaults, and so does what is wrong in Listener::tls: it never becomes plain; with
// wrong client certificates it refuses every handshake. A cluster whose `tls` is wrong loses its endpoints.
// Certificates lose bad server names and a too long ocsp_response; one without a usable chain or key is
// dropped. What is wrong in a TLS policy is repaired as in Listener::tls; one without a usable name, or with
// one that is taken, gets another and refuses every handshake. A stream route that is wrong as a whole closes
// its connections. Any other part without a usable key or with one that is taken is dropped, a plain listener
// with the last of its stream routes: it would serve HTTP instead.
// Nothing else changes. Returns what validate() would have said.
INGRESS_EXPORT std::vector<Problem> quarantine(GatewayConfig& config);

// The delta that turns `from` into `to`, sorted by name; empty when they are equal apart from order.
// Names must be unique within each list.
INGRESS_EXPORT ConfigDelta diff(const GatewayConfig& from, const GatewayConfig& to);
// Applies `delta`; the result is sorted by name.
INGRESS_EXPORT void apply(GatewayConfig& config, const ConfigDelta& delta);

// The file form (docs/config.md): JSON with "version": 1, parts sorted by name, keys in the order of the
// reference, defaults left out. Configs equal apart from order give equal bytes. Private keys are written as
// "(redacted)", which cannot be read back.
INGRESS_EXPORT std::string to_json(const GatewayConfig& config);
enum class ConfigFormat : std::uint8_t { kJson, kYaml };
// Reads the file form. Unknown fields, wrong types, a missing or unknown version and texts over the
// caps (512 MB, 64 levels) are errors naming the field and, where known, the line. All problems of form
// at once; what the values mean is for validate().
INGRESS_EXPORT std::expected<GatewayConfig, std::vector<Problem>> parse_config(std::string_view text,
                                                                               ConfigFormat format);
// The JSON Schema (draft 2020-12) of the file form, made from the same field tables as the reader.
INGRESS_EXPORT std::string config_schema();

}  // namespace ingress
