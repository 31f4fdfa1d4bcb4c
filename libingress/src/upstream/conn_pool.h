// Idle upstream connections of one endpoint in one worker, kept for reuse.
//
// Owner: EndpointState. Thread: its worker's.
// Caller: puts a connection back only between messages, with nothing unread.
// Always true: no connection in here is closed, broken or older than it may get; the newest is taken first,
// so that what is not needed any more runs into the idle timeout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "ingress/cluster.h"
#include "upstream/h1_client_conn.h"

namespace ingress::upstream {

// Wants to know when a pool has lost a connection. Called from inside the pool: must not call back into it.
class PoolWatcher {
 public:
  enum class Loss : std::uint8_t {
    kTaken,  // by a request
    kEnded,  // closed by the backend or for a request that waits, or its time was up
  };
  virtual void on_pool_shrunk(Loss loss) = 0;

 protected:
  ~PoolWatcher() = default;
};

class ConnPool {
 public:
  // The newest idle connection that began with just this PROXY header, as a rule with none: it belongs to the
  // client that its header names. Null when there is none. With headers, linear in what is kept.
  ClientConnPtr take(std::string_view proxy_header = {});
  // Keeps `conn` for as long as the cluster and the backend allow (h1_client_conn.h), or closes it. Beyond
  // max_idle_connections the oldest is closed.
  void put_back(ClientConnPtr conn, const ClusterLimits& limits, const ClusterTimeouts& timeouts);
  // Removes and closes `conn`: called by the connection itself when its peer closed or time is up.
  void drop(H1ClientConn* conn);
  // Closes the oldest; false when there is none.
  bool drop_oldest();
  void clear() { idle_.clear(); }
  std::size_t size() const { return idle_.size(); }
  // Null for nobody. The watcher outlives the pool or takes itself away.
  void set_watcher(PoolWatcher* watcher) { watcher_ = watcher; }

 private:
  std::vector<ClientConnPtr> idle_;  // oldest first
  PoolWatcher* watcher_ = nullptr;
};

}  // namespace ingress::upstream
