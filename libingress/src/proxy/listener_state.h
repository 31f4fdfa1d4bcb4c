// One listener in one worker: its newest settings, its acceptor, its connections.
//
// Owner: the worker. Thread: its. Always true: lives as long as one of its connections.
#pragma once

#include <cstddef>
#include <memory>

#include "ingress/listener.h"
#include "net/tcp.h"
#include "proxy/snapshot.h"

namespace ingress::proxy {

struct ListenerState {
  Listener settings;
  // Identity; null once the listener is gone from the configuration.
  std::shared_ptr<BoundListener> bound;
  std::shared_ptr<const policy::TrustedProxies> trusted_proxies;
  std::shared_ptr<const policy::TrustedProxies> proxy_senders;  // null: no PROXY headers
  std::shared_ptr<const tls::ServerContext> tls;                // null: plain
  std::shared_ptr<const StreamTable> streams;                   // null: no stream routes
  std::uint16_t port = 0;
  std::unique_ptr<net::Acceptor> acceptor;  // null where this worker has no socket
  std::size_t num_connections = 0;
};

}  // namespace ingress::proxy
