// What a worker lends to its exchanges and connections.
#pragma once

#include "ingress/access_log.h"
#include "ingress/filter.h"
#include "net/loop.h"
#include "proxy/mirror.h"
#include "proxy/views.h"
#include "proxy/worker_metrics.h"
#include "upstream/cluster_state.h"
#include "upstream/connector.h"

namespace ingress::proxy {

// Everything lives as long as the worker. Thread: the worker's.
struct Services {
  unsigned worker_index;
  net::EventLoop& loop;
  Views& views;
  upstream::ClusterStates& clusters;
  upstream::Connector& connector;
  Mirrors& mirrors;
  FilterList& filters;
  WorkerContext& context;
  WorkerMetrics& metrics;
  AccessLog* access_log;  // null = none
};

}  // namespace ingress::proxy
