// What becomes of a stream, and the connection below it, that its exchange needs no more.
#pragma once

#include "ingress/cluster.h"
#include "net/loop.h"
#include "upstream/endpoint_state.h"

namespace ingress::upstream {

// Keeps the connection of `stream` for the next request to `endpoint`, hands it to an exchange that waits for
// it (after the current callback), or closes it: when it cannot or must not be used again, when its endpoint
// is gone, when others wait for a connection of the cluster, or when it was opened before its cluster had
// limits and is not counted. With HTTP/2 whatever else runs on it comes to its end first.
void give_back(net::EventLoop& loop, const EndpointRef& endpoint, ClientStreamPtr stream,
               const ClusterLimits& limits, const ClusterTimeouts& timeouts);

// Keeps `conn`, which nobody has used yet; for whoever waits for a connection of the cluster one is closed.
void keep_idle(EndpointState& endpoint, ClientConnPtr conn, const ClusterLimits& limits,
               const ClusterTimeouts& timeouts);

// An HTTP/2 connection to `endpoint` has room: exchanges that wait for one get streams, after the current
// callback.
void share_room(net::EventLoop& loop, const EndpointRef& endpoint, const ClusterLimits& limits,
                const ClusterTimeouts& timeouts);

}  // namespace ingress::upstream
