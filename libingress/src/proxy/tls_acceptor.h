// Puts the TLS of a listener on connections that were just accepted, within the limits on unfinished
// handshakes.
//
// Owner: Worker. Thread: its. Lifetime: outlives the transports and places that it gave.
#pragma once

#include <chrono>
#include <optional>

#include "net/loop.h"
#include "net/transport.h"
#include "proxy/listener_state.h"
#include "proxy/views.h"
#include "tls/handshake_limits.h"
#include "tls/tls_transport.h"

namespace ingress::proxy {

class TlsAcceptor {
 public:
  TlsAcceptor(net::EventLoop& loop, Views& views, tls::TlsCounters& counters)
      : loop_(loop), views_(views), counters_(counters) {}
  TlsAcceptor(const TlsAcceptor&) = delete;
  TlsAcceptor& operator=(const TlsAcceptor&) = delete;

  // A place among the unfinished handshakes of `listener`, which has the default limits when it speaks no
  // TLS. None, and counted, when there is no room for another from that peer.
  std::optional<tls::HandshakeLimits::Place> enter(const ListenerState& listener,
                                                   const net::PeerAddress& peer);
  // Null when there is no room for another handshake. The certificates are those of the newest snapshot,
  // which stays pinned as long as the handshake needs them. `limit`: how long it may take.
  net::TransportPtr accept(const ListenerState& listener, net::TransportPtr stream,
                           std::chrono::milliseconds limit, tls::Protocols protocols = tls::Protocols::kHttp);

 private:
  net::EventLoop& loop_;
  Views& views_;
  tls::TlsCounters& counters_;
  tls::HandshakeLimits limits_;
};

}  // namespace ingress::proxy
