// Opens connections to endpoints: resolves names where there are any, then connects.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "ingress/cluster.h"
#include "ingress/error.h"
#include "net/loop.h"
#include "net/proxy_header.h"
#include "net/resolver.h"
#include "net/transport.h"
#include "tls/client_handshake.h"

namespace ingress::upstream {

// What Connector::open() ends with when no connection came about: no byte of a request was sent.
constexpr bool is_connect_failure(ErrorCode code) {
  return code == ErrorCode::kConnectFailed || code == ErrorCode::kResolveFailed ||
         code == ErrorCode::kAddressRefused || code == ErrorCode::kUpstreamTls;
}

// Takes out of `addresses` those that may not be connected to. Returns why the last of them may not.
std::optional<Error> remove_refused(std::vector<std::string>& addresses, LocalBackends local_backends);

// What connections to a cluster with that setting begin with; empty for ProxyProtocol::kNone. Null: they are
// opened for nobody but ourselves.
std::string make_proxy_header(ProxyProtocol protocol, const net::ProxyAddresses* addresses);

// What stands on a connection before its first request.
struct ConnectionStart {
  std::string proxy_header = {};        // of the PROXY protocol; already written when the callback comes
  tls::ClientContextPtr tls = nullptr;  // null: plain
  // That the handshake offers (ALPN), in the form of RFC 7301 3.1; static. Empty: none are spoken of.
  std::string_view protocols = {};
};

// Thread: the worker's. open() is virtual for tests that have no sockets.
class Connector {
 public:
  using OnConnected = std::move_only_function<void(std::expected<net::TransportPtr, Error>)>;
  // One attempt to reach an endpoint. Owner: the exchange; destroying it abandons the attempt.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };

  // `resolver` may be null: then host names fail. Addresses that `local_backends` refuses are never
  // connected to, whether an endpoint names them or a name resolves to them: they are looked at after each
  // resolution, so that a name which changes its mind (DNS rebinding) gains nothing.
  Connector(net::EventLoop& loop, net::Resolver* resolver, LocalBackends local_backends);
  virtual ~Connector() = default;

  // The callback comes once, from the loop, never from inside this call. Addresses of a host name race
  // (net/happy_eyeballs.h); `timeout` is for all of it. Errors, all safe to retry: kResolveFailed,
  // kAddressRefused (no address is left that may be used; `what` is the class of the last one),
  // kConnectFailed.
  virtual std::unique_ptr<Attempt> open(const Endpoint& endpoint, std::chrono::milliseconds timeout,
                                        OnConnected on_connected);

  // As open(), but the stream begins as `start` says. Under a policy of TLS the handshake is done and the
  // backend is who it should be before the callback comes, and `timeout` is for that too. One more error:
  // kUpstreamTls, which is not safe to retry where a certificate was at fault.
  std::unique_ptr<Attempt> connect(const Endpoint& endpoint, ConnectionStart start,
                                   std::chrono::milliseconds timeout, OnConnected on_connected);

  // Addresses that were not connected to because of what they stand for. Any thread.
  const base::Counter& num_addresses_refused() const { return num_addresses_refused_; }
  const tls::ClientTlsCounters& tls_counters() const { return tls_counters_; }

 private:
  class NameAttempt;
  OnConnected with_proxy_header(std::string header, OnConnected on_connected);
  class SecureAttempt;

  net::EventLoop& loop_;
  net::Resolver* resolver_;
  LocalBackends local_backends_;
  base::Counter num_addresses_refused_;
  tls::ClientTlsCounters tls_counters_;
  std::shared_ptr<tls::SessionCache> sessions_;  // connections may outlive the Connector
};

}  // namespace ingress::upstream
