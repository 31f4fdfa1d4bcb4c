// What the calls of a Client have in common: the service and the connections to it.
//
// Owner: the Client; goes after the callback in which that is destroyed, since it may be one of the resolver
// or of a connection. Thread: the loop's.
#pragma once

#include <cstddef>
#include <expected>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "ingress/cluster.h"
#include "ingress/error.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "upstream/connector.h"
#include "upstream/endpoint_state.h"

namespace ingress::upstream {

class HttpCall;

struct HttpService {
  HttpService(net::EventLoop& loop_in, std::unique_ptr<net::Resolver> resolver_in, Cluster cluster_in,
              tls::ClientContextPtr tls, std::string authority_in);

  // As Client::create().
  static std::expected<std::unique_ptr<HttpService>, Error> create(net::EventLoop& loop, Cluster cluster,
                                                                   std::string authority);

  net::EventLoop& loop;
  std::unique_ptr<net::Resolver> resolver;  // null: no endpoint has a name
  Connector connector;
  Cluster cluster;
  std::string authority;
  std::vector<EndpointRef> endpoints;  // one at least
  std::size_t preferred = 0;           // the endpoint that was connected to last
  std::unordered_set<HttpCall*> calls;
};

}  // namespace ingress::upstream
