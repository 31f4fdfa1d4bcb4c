// Idle upstream connections of one endpoint in one worker, kept for reuse.
//
// Owner: EndpointState. Thread: its worker's.
// Caller: puts a connection back only between messages, with nothing unread.
// Always true: no connection in here is closed or broken; the newest is taken first.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "upstream/h1_client_conn.h"

namespace ingress::upstream {

class ConnPool {
 public:
  // The newest idle connection; null when there is none.
  ClientConnPtr take();
  // Keeps `conn` for `idle_timeout`; beyond `max_idle` the oldest is closed.
  void put_back(ClientConnPtr conn, std::size_t max_idle, std::chrono::milliseconds idle_timeout);
  // Removes and closes `conn`: called by the connection itself when its peer closed or time is up.
  void drop(H1ClientConn* conn);
  // Closes the oldest; false when there is none.
  bool drop_oldest();
  void clear() { idle_.clear(); }
  std::size_t size() const { return idle_.size(); }

 private:
  std::vector<ClientConnPtr> idle_;  // oldest first
};

}  // namespace ingress::upstream
