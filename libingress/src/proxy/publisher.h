// From configuration to snapshot: checks a whole config or a delta, compiles what changed, binds what is new.
//
// Owner: Server. Thread: any, one at a time (the Server's writer lock).
// Always true: a change is applied whole or not at all; publish() and apply() that lead to equal configs lead
// to equal snapshots; parts that did not change keep their pointers.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/validate.h"
#include "ingress/config.h"
#include "proxy/snapshot.h"
#include "proxy/stream_table.h"
#include "proxy/udp_publisher.h"
#include "routing/route_compiler.h"
#include "tls/policy_compiler.h"
#include "upstream/cluster_table.h"

namespace ingress::proxy {

class Publisher {
 public:
  // Gives the sockets of a new listener.
  using Bind = std::function<std::expected<std::shared_ptr<BoundListener>, Error>(const Listener&)>;
  // Without `bind_udp`, UDP listeners have no sockets.
  explicit Publisher(Bind bind, UdpPublisher::Bind bind_udp = {});

  // The snapshot now current; the same pointer as before when nothing changed.
  std::expected<SnapshotPtr, std::vector<Problem>> publish(const GatewayConfig& config);
  std::expected<SnapshotPtr, std::vector<Problem>> apply(const ConfigDelta& delta);

  const SnapshotPtr& current() const { return current_; }
  // Copies everything: for dumps.
  GatewayConfig config() const;

 private:
  using Listeners = std::map<std::string, Listener, std::less<>>;
  using Certificates = std::vector<tls::ServedCertificatePtr>;
  using TlsPolicies = std::vector<tls::HostPolicyPtr>;

  ConfigDelta delta_to(const GatewayConfig& config) const;
  Listeners listeners_after(const ConfigDelta& delta) const;
  std::vector<Problem> check(const ConfigDelta& delta, const Listeners& listeners) const;
  void check_streams(const ConfigDelta& delta, const Listeners& listeners,
                     const config::ClusterExists& cluster_exists, std::vector<Problem>& problems) const;
  void check_removed_clusters(const ConfigDelta& delta, std::vector<Problem>& problems) const;
  std::expected<std::vector<ListenerEntry>, std::vector<Problem>> bind(const Listeners& listeners);
  std::shared_ptr<const tls::ServerContext> make_tls_context(const Listener& listener,
                                                             const std::vector<ListenerEntry>& entries,
                                                             std::vector<Problem>& problems) const;
  std::shared_ptr<const policy::ReservedHeaders> reserved_headers() const;
  Certificates load_certificates(const ConfigDelta& delta, std::vector<Problem>& problems) const;
  std::expected<SnapshotPtr, std::vector<Problem>> commit(const ConfigDelta& delta, Listeners listeners,
                                                          Certificates loaded, TlsPolicies policies);
  void change_certificates(const ConfigDelta& delta, Certificates loaded);
  void count_users(const Route& route, int by);

  Bind bind_;
  std::shared_ptr<base::SlotRegistry> slots_;
  routing::RouteCompiler route_compiler_;
  upstream::ClusterCompiler cluster_compiler_;
  tls::PolicyCompiler policy_compiler_;
  Listeners listeners_;
  UdpPublisher udp_;
  std::unordered_map<std::string, std::shared_ptr<const Route>> routes_;
  std::unordered_map<std::string, int> cluster_users_;  // backends that name the cluster
  StreamTables streams_;
  SnapshotPtr current_;
  std::shared_ptr<const tls::CertTable> certificates_;  // never null
  std::shared_ptr<tls::TicketKeys> ticket_keys_ = std::make_shared<tls::TicketKeys>();
};

}  // namespace ingress::proxy
