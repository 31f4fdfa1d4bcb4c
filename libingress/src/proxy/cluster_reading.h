// What workers, breakers and the health board know of the clusters, put together for people.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "ingress/cluster_status.h"
#include "proxy/health_board.h"
#include "proxy/worker.h"
#include "upstream/breaker_registry.h"
#include "upstream/endpoint_order.h"

namespace ingress::proxy {

// The load that workers report, each on its own thread.
// Thread: any. Lifetime: shared with the calls that are on their way.
class LoadReading {
 public:
  // Asks all workers; their posted calls hold what they need. Workers must live during this call only.
  static std::shared_ptr<LoadReading> ask(std::span<const std::unique_ptr<Worker>> workers);
  // Of endpoints that have any, by cluster. Until all have answered, or `patience` is over: a worker that is
  // stopping never does.
  using Loads = std::map<std::string, std::map<Endpoint, EndpointLoad, upstream::EndpointOrder>>;
  Loads wait(std::chrono::milliseconds patience);

 private:
  std::mutex lock_;
  std::condition_variable answered_;
  std::size_t num_open_ = 0;
  Loads loads_;
};

// `clusters` by name, with what is known of each.
std::vector<ClusterStatus> read_clusters(std::span<const Cluster> clusters, LoadReading& loads,
                                         const HealthBoard& board, const upstream::BreakerRegistry& breakers);

}  // namespace ingress::proxy
