// Streams for requests on connections that are still to be opened: HTTP/1.1 or HTTP/2, as the cluster says or
// the backend chooses (ALPN, RFC 7301).
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ingress/cluster.h"
#include "net/loop.h"
#include "upstream/circuit_breaker.h"
#include "upstream/client_stream.h"
#include "upstream/connector.h"
#include "upstream/endpoint_state.h"
#include "upstream/h1_client_conn.h"

namespace ingress::upstream {

// What a request asks of its connection.
struct StreamNeeds {
  std::string_view proxy_header = {};  // that it begins with; empty: none
  bool is_upgrade = false;             // the protocol may change: HTTP/1.1, where the cluster leaves a choice
};

// A stream on a connection that is kept; null when there is none.
ClientStreamPtr take_kept(EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs);

// Whether a connection that is being opened already will have room for such a request as well.
bool can_join(const EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs);

// For BreakerGate::wait(): stands for the connections to `endpoint` that such a request can use.
const void* waiting_place(const EndpointState& endpoint, const Cluster& cluster, const StreamNeeds& needs);

using OnStream = std::move_only_function<void(std::expected<ClientStreamPtr, Error>)>;

// Opens a connection, as Connector::connect(), or waits for one that is being opened. `permit`, empty where
// nothing is limited or another one is joined, goes with the connection. The rest of what a connection can
// hold is for whoever take_kept()s. One more error: kUpstreamTls, "no_http2", for a backend that does not
// agree to the protocol of its cluster.
std::unique_ptr<Connector::Attempt> open_stream(net::EventLoop& loop, Connector& connector,
                                                const EndpointRef& endpoint, const Cluster& cluster,
                                                const StreamNeeds& needs, Permit permit, OnStream on_stream,
                                                Opened opened = Opened::kForRequest);

// A stream on a connection of its own, which nobody else will use: of `transport`, which has just been opened
// for `cluster`. Null where the backend did not agree to the protocol.
ClientStreamPtr make_stream(net::EventLoop& loop, net::TransportPtr transport, BackendProtocol protocol,
                            const ClusterLimits& limits, const BackendHttp2& http2);

// For Connector::connect(): the protocols that a TLS handshake offers, in the form of RFC 7301 3.1; static.
std::string_view offered_protocols(BackendProtocol protocol, bool is_upgrade);

}  // namespace ingress::upstream
