// Opens connections to endpoints: resolves names where there are any, then connects.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <memory>

#include "ingress/cluster.h"
#include "ingress/error.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "net/transport.h"

namespace ingress::upstream {

// Thread: the worker's. An interface for tests that have no sockets.
class Connector {
 public:
  using OnConnected = std::move_only_function<void(std::expected<net::TransportPtr, Error>)>;
  // One attempt to reach an endpoint. Owner: the exchange; destroying it abandons the attempt.
  class Attempt {
   public:
    virtual ~Attempt() = default;
  };

  // `resolver` may be null: then host names fail.
  Connector(net::EventLoop& loop, net::Resolver* resolver) : loop_(loop), resolver_(resolver) {}
  virtual ~Connector() = default;

  // The callback comes once, from the loop, never from inside this call. Addresses of a host name are tried
  // in turn until one connects; `timeout` is for all of it.
  virtual std::unique_ptr<Attempt> open(const Endpoint& endpoint, std::chrono::milliseconds timeout,
                                        OnConnected on_connected);

 private:
  net::EventLoop& loop_;
  net::Resolver* resolver_;
};

}  // namespace ingress::upstream
