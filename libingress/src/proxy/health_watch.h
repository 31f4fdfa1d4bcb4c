// One worker's part in health: probes its share of the endpoints, counts the results of its requests, and
// takes endpoints out of its picks as the HealthBoard has decided.
//
// Owner: a worker. Thread: its. Caller: adopt() after ClusterStates::adopt() of the same table; destroys it
// before the loop ends.
// Always true: an endpoint is probed by one worker of the process, which a hash of its key chooses; results
// of requests are counted where they come in, and reported once an interval or when a row is too long.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "net/loop.h"
#include "proxy/health_board.h"
#include "upstream/cluster_state.h"
#include "upstream/connector.h"
#include "upstream/health_checker.h"

namespace ingress::proxy {

class HealthWatch {
 public:
  HealthWatch(unsigned worker, unsigned num_workers, net::EventLoop& loop, upstream::ClusterStates& clusters,
              upstream::Connector& connector, std::shared_ptr<HealthBoard> board);
  ~HealthWatch();

  // Cost: what differs from the table adopted last.
  void adopt(const upstream::ClusterTable& table);

 private:
  struct Watched;
  void watch(std::uint32_t index, const upstream::ClusterEntry& entry);
  void watch_outliers(Watched& watched, const Cluster& cluster);
  void forget(std::uint32_t index, const std::string& cluster);
  void end_interval(Watched& watched);
  bool is_mine(const std::string& cluster, const Endpoint& endpoint) const;
  bool is_mine(const std::string& cluster) const;

  unsigned worker_, num_workers_;
  net::EventLoop& loop_;
  upstream::ClusterStates& clusters_;
  std::shared_ptr<HealthBoard> board_;
  upstream::HealthChecker checker_;
  std::unordered_map<std::string, std::unique_ptr<Watched>> watched_;  // by cluster
  upstream::ClusterTable::Entries adopted_;
};

}  // namespace ingress::proxy
