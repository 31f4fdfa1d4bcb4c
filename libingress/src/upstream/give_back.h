// What becomes of a connection that its exchange needs no more.
#pragma once

#include "ingress/cluster.h"
#include "net/loop.h"
#include "upstream/endpoint_state.h"

namespace ingress::upstream {

// Keeps `conn` for the next request to `endpoint`, hands it to an exchange that waits for it (after the
// current callback), or closes it: when it cannot or must not be used again, when its endpoint is gone, when
// others wait for a connection of the cluster, or when it was opened before its cluster had limits and is not
// counted.
void give_back(net::EventLoop& loop, const EndpointRef& endpoint, ClientConnPtr conn,
               const ClusterLimits& limits, const ClusterTimeouts& timeouts);

// Keeps `conn`, which nobody has used yet; for whoever waits for a connection of the cluster one is closed.
void keep_idle(EndpointState& endpoint, ClientConnPtr conn, const ClusterLimits& limits,
               const ClusterTimeouts& timeouts);

}  // namespace ingress::upstream
