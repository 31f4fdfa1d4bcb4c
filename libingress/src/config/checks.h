// Checks of the pieces of a part, shared by validate_…() and quarantine_…(). Internal to this module.
#pragma once

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/bounds.h"
#include "config/field_path.h"
#include "config/validate.h"
#include "ingress/config.h"

namespace ingress::config {

// Collects the problems of one part. Borrows the part's name and origin.
class Reporter {
 public:
  Reporter(std::vector<Problem>& out, std::string_view kind, std::string_view name, const Origin* origin)
      : out_(out), kind_(kind), name_(name), origin_(origin) {}

  void error(const FieldPath& field, std::string why, std::string fix) {
    report(Severity::kError, field, std::move(why), std::move(fix));
  }
  void warning(const FieldPath& field, std::string why, std::string fix) {
    report(Severity::kWarning, field, std::move(why), std::move(fix));
  }

 private:
  void report(Severity severity, const FieldPath& field, std::string why, std::string fix);
  std::vector<Problem>& out_;
  std::string_view kind_, name_;
  const Origin* origin_;  // null: this kind of part has none
};

Reporter make_reporter(const Listener& listener, std::vector<Problem>& out);
Reporter make_reporter(const Cluster& cluster, std::vector<Problem>& out);
Reporter make_reporter(const Route& route, std::vector<Problem>& out);
Reporter make_reporter(const Certificate& certificate, std::vector<Problem>& out);
Reporter make_reporter(const TlsPolicy& policy, std::vector<Problem>& out);
Reporter make_reporter(const UdpListener& listener, std::vector<Problem>& out);
Reporter make_reporter(const StreamRoute& route, std::vector<Problem>& out);

void report_out_of_bounds(const FieldInfo& info, Measure measure, std::int64_t amount, const FieldPath& field,
                          Reporter& reporter);
// The own fields of `object` against the bounds of its field table.
template <class T>
void check_table_bounds(const T& object, const FieldPath& field, Reporter& reporter) {
  check_bounds(object, [&](const FieldInfo& info, Measure measure, std::int64_t amount) {
    report_out_of_bounds(info, measure, amount, field, reporter);
  });
}

// Printable ASCII; emptiness and length are bounds of the tables.
void check_name(std::string_view name, const FieldPath& field, Reporter& reporter);
void check_origin(const Origin& origin, const FieldPath& field, Reporter& reporter);

void check_address(const Listener& listener, const FieldPath& field, Reporter& reporter);
void check_trusted_proxy(std::string_view text, const FieldPath& field, Reporter& reporter);
void check_proxy_protocol(const ListenerProxyProtocol& protocol, const FieldPath& field, Reporter& reporter);
void check_listener_tls(const ListenerTls& tls, const FieldPath& field, Reporter& reporter);
// Versions, ciphers and groups.
void check_tls_policy(const ListenerTls& tls, const FieldPath& field, Reporter& reporter);
void check_listener_clients(const ClientCertificates& certificates, const FieldPath& field,
                            Reporter& reporter);
// A policy without its server names.
void check_tls_policy_itself(const TlsPolicy& policy, const FieldPath& field, Reporter& reporter);
// All policies of `config`, and what they come to on its listeners.
void validate_tls_policies(const GatewayConfig& config, std::vector<Problem>& out);
void check_server_name(std::string_view pattern, const FieldPath& field, Reporter& reporter);
// The certificate without its server names.
void check_certificate_itself(const Certificate& certificate, const FieldPath& field, Reporter& reporter);
// A server name of a certificate, by indexes.
struct ServerNameAt {
  std::size_t certificate, name;
  friend auto operator<=>(const ServerNameAt&, const ServerNameAt&) = default;
};
// Those that kMaxCertificatesPerName certificates before theirs, by name, have too; sorted.
std::vector<ServerNameAt> crowded_server_names(const std::vector<Certificate>& certificates);
// All certificates of `config`, and whether its listeners name them.
void validate_certificates(const GatewayConfig& config, std::vector<Problem>& out);
// What makes an endpoint the same as another: address and port in one spelling.
std::string endpoint_key(const Endpoint& endpoint);
void check_health_check(const HealthCheck& check, const FieldPath& field, Reporter& reporter);
void check_outlier_detection(const OutlierDetection& detection, const FieldPath& field, Reporter& reporter);
void check_circuit_breakers(const CircuitBreakers& breakers, const FieldPath& field, Reporter& reporter);
void check_backend_tls(const BackendTls& tls, const FieldPath& field, Reporter& reporter);
void check_endpoint(const Endpoint& endpoint, const FieldPath& field, Reporter& reporter);
void check_consistent_hash(const ConsistentHash& hash, const FieldPath& field, Reporter& reporter);

void check_host(std::string_view pattern, const FieldPath& field, Reporter& reporter);
void check_match(const RouteMatch& match, const FieldPath& field, Reporter& reporter);
void check_reply(const FixedReply& reply, const FieldPath& field, Reporter& reporter);
void check_mirror(const RequestMirror& mirror, const FieldPath& field, const ClusterExists& cluster_exists,
                  Reporter& reporter);
void check_backend(const BackendRef& backend, const FieldPath& field, const ClusterExists& cluster_exists,
                   Reporter& reporter);
// All UDP listeners of `config`.
void validate_udp_listeners(const GatewayConfig& config, std::vector<Problem>& out);
void check_udp_address(const UdpListener& listener, const FieldPath& field, Reporter& reporter);
void check_udp_backend(const BackendRef& backend, const FieldPath& field, const FindCluster& find_cluster,
                       Reporter& reporter);
void check_retry(const RetryPolicy& retry, const FieldPath& field, Reporter& reporter);
void check_hsts(const Hsts& hsts, const FieldPath& field, Reporter& reporter);
void check_timeouts(const RouteTimeouts& timeouts, const FieldPath& field, Reporter& reporter);
// The rule without its matches and backends.
void check_rule_itself(const RouteRule& rule, const FieldPath& field, Reporter& reporter);

}  // namespace ingress::config
