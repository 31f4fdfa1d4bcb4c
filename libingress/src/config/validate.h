// Checks and repairs of single parts: what validate() and quarantine() are made of, and what an
// incremental change uses for the parts that it touches.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/field_path.h"
#include "ingress/config.h"

namespace ingress::config {

// Whether a cluster of that name is configured. Empty = references are not checked.
using ClusterExists = std::function<bool(std::string_view cluster)>;

// The configured cluster of that name, or null.
using FindCluster = std::function<const Cluster*(std::string_view cluster)>;

bool has_errors(const std::vector<Problem>& problems);

// Append what is wrong with one part, `field` being the way to it ("routes[3]"). That names and listener
// keys are unique is not theirs to see: callers compare the names of the parts of one list, and
// listener_key().
void validate_listener(const Listener& listener, const FieldPath& field, std::vector<Problem>& out);
void validate_cluster(const Cluster& cluster, const FieldPath& field, std::vector<Problem>& out);
void validate_route(const Route& route, const FieldPath& field, const ClusterExists& cluster_exists,
                    std::vector<Problem>& out);
// What check_certificate() reads of it is not looked at.
void validate_certificate(const Certificate& certificate, const FieldPath& field, std::vector<Problem>& out);
// What check_client_certificates() reads of it is not looked at.
void validate_tls_policy(const TlsPolicy& policy, const FieldPath& field, std::vector<Problem>& out);

void validate_udp_listener(const UdpListener& listener, const FieldPath& field,
                           const FindCluster& find_cluster, std::vector<Problem>& out);
// All of a configuration, as "udp_listeners[i]": each of them, and what two of them may not share.
void validate_udp_listeners(std::span<const UdpListener> listeners, const FindCluster& find_cluster,
                            std::vector<Problem>& out);

// All stream routes of a configuration, against each other and against `listeners`. `field`: of their list.
void validate_stream_routes(const std::vector<StreamRoute>& routes, const std::vector<Listener>& listeners,
                            std::string_view field, const ClusterExists& cluster_exists,
                            std::vector<Problem>& out);

// What two listeners may not share: address and port in one spelling; empty when the port is any.
std::string listener_key(const Listener& listener);
// The same among UDP listeners.
std::string udp_listener_key(const UdpListener& listener);

// Append a problem for a name or listener key that an earlier part has already.
void report_duplicate_name(const Listener& listener, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const Cluster& cluster, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const Route& route, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const Certificate& certificate, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const TlsPolicy& policy, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const UdpListener& listener, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_name(const StreamRoute& route, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_key(const Listener& listener, const FieldPath& field, std::vector<Problem>& out);
void report_duplicate_key(const UdpListener& listener, const FieldPath& field, std::vector<Problem>& out);

// Repair one part as quarantine() does, so that its validate_…() finds no error. A part without errors
// stays as it is. kDrop: it cannot be repaired (no usable name or address, no valid host left).
enum class Repair { kKeep, kDrop };
[[nodiscard]] Repair quarantine_listener(Listener& listener);
[[nodiscard]] Repair quarantine_cluster(Cluster& cluster);
[[nodiscard]] Repair quarantine_route(Route& route, const ClusterExists& cluster_exists);
[[nodiscard]] Repair quarantine_certificate(Certificate& certificate);
// kDrop: no client can ask for any of its server names.
[[nodiscard]] Repair quarantine_tls_policy(TlsPolicy& policy);
[[nodiscard]] Repair quarantine_udp_listener(UdpListener& listener, const FindCluster& find_cluster);
// All of them, and the listeners that would serve HTTP instead of a route that goes.
void quarantine_stream_routes(GatewayConfig& config, const ClusterExists& cluster_exists);

}  // namespace ingress::config
