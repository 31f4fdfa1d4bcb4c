// Connections opened before anybody needs them: `ClusterLimits::preconnect` idle ones for each endpoint, in
// each worker.
//
// Owner: worker. Thread: its.
// Caller: adopt() after ClusterStates has adopted the same table; stop() before the loop ends.
// Bounds: one attempt at a time per endpoint, never more idle connections than wanted, none beyond the
// cluster's max_connections or while a request waits for one. After a failure, and when a connection ends
// that nobody had used, the next attempt waits, twice as long each time from kMinPause to kMaxPause: a
// backend that takes connections only to close them is not hammered. The pause is forgotten when a request
// takes a connection, and starts over when one ends long after it was opened.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "net/loop.h"
#include "upstream/cluster_state.h"
#include "upstream/cluster_table.h"
#include "upstream/connector.h"

namespace ingress::upstream {

class Preconnector {
 public:
  static constexpr std::chrono::milliseconds kMinPause{1'000};
  static constexpr std::chrono::milliseconds kMaxPause{60'000};

  Preconnector(net::EventLoop& loop, Connector& connector, ClusterStates& clusters);
  Preconnector(const Preconnector&) = delete;
  Preconnector& operator=(const Preconnector&) = delete;
  ~Preconnector();

  // Cost: what differs from the table adopted last.
  void adopt(const ClusterTable& table);
  // No connection is opened from now on.
  void stop();

  // Any thread.
  const base::Counter& num_opened() const { return num_opened_; }
  const base::Counter& num_failed() const { return num_failed_; }

 private:
  class Filler;  // of one endpoint
  using Fillers = std::vector<std::unique_ptr<Filler>>;

  void update(Fillers& fillers, std::size_t index, const ClusterEntry* entry);

  net::EventLoop& loop_;
  Connector& connector_;
  ClusterStates& clusters_;
  std::vector<Fillers> fillers_;  // by cluster slot; empty for clusters that want none
  ClusterTable::Entries adopted_;
  bool is_stopped_ = false;
  base::Counter num_opened_, num_failed_;
};

}  // namespace ingress::upstream
