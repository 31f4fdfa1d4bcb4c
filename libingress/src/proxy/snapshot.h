// One published configuration, compiled: what a request is served from, and nothing else.
//
// Owner: shared; the control side frees it, never a worker (RetireStack). Thread: any: deep-const.
// Always true: parts that a change did not touch are the same objects as in the snapshot before.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/slot_registry.h"
#include "ingress/listener.h"
#include "ingress/server.h"
#include "ingress/udp_listener.h"
#include "policy/reserved_headers.h"
#include "policy/trusted_proxies.h"
#include "proxy/stream_table.h"
#include "routing/route_table.h"
#include "tls/cert_table.h"
#include "tls/host_policy.h"
#include "tls/server_context.h"
#include "upstream/cluster_table.h"

namespace ingress::proxy {

// Sockets of one listening address, bound once and handed to the workers: each takes its own.
// Thread: the control side makes and frees it; worker `i` alone touches fds[i] in between (its mailbox
// orders the two).
struct BoundListener {
  explicit BoundListener(std::vector<int> fds_in, std::uint16_t port_in)
      : fds(std::move(fds_in)), port(port_in) {}
  BoundListener(const BoundListener&) = delete;
  BoundListener& operator=(const BoundListener&) = delete;
  ~BoundListener();  // closes what no worker took
  int take(unsigned worker) { return worker < fds.size() ? std::exchange(fds[worker], -1) : -1; }
  std::vector<int> fds;
  std::uint16_t port;  // the real one
};

struct ListenerEntry {
  Listener listener;  // without its `tls`, whose PEM no worker needs: ServerContext has the settings
  std::shared_ptr<BoundListener> bound;  // its address is the identity of the listener
  std::shared_ptr<const policy::TrustedProxies> trusted_proxies;  // null when it trusts nobody
  std::shared_ptr<const policy::TrustedProxies> proxy_senders;    // null: no PROXY headers
  std::shared_ptr<const tls::ServerContext> tls;                  // null: plain
  std::shared_ptr<const StreamTable> streams = nullptr;           // null: no stream routes
};

struct UdpListenerEntry {
  UdpListener listener;
  std::shared_ptr<BoundListener> bound;   // its address is the identity of the listener
  std::vector<base::SlotLease> clusters;  // of the backends; null where one names none
};

struct Snapshot {
  Generation generation = 0;
  std::vector<ListenerEntry> listeners;
  std::shared_ptr<const routing::RouteTable> routes;
  std::shared_ptr<const upstream::ClusterTable> clusters;
  std::shared_ptr<const tls::CertTable> certificates;
  std::shared_ptr<const tls::PolicyTable> tls_policies;             // null: there are none
  std::shared_ptr<const policy::ReservedHeaders> reserved_headers;  // null: none are
  std::vector<UdpListenerEntry> udp_listeners;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace ingress::proxy
