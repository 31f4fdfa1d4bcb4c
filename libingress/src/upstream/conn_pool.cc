#include "upstream/conn_pool.h"

#include <algorithm>

namespace ingress::upstream {

ClientConnPtr ConnPool::take(std::string_view proxy_header) {
  auto found = idle_.end();
  do {
    if (found == idle_.begin()) return nullptr;
    --found;
  } while ((*found)->proxy_header() != proxy_header);
  ClientConnPtr conn = std::move(*found);
  if (found + 1 == idle_.end()) {
    idle_.pop_back();  // nearly always
  } else {
    idle_.erase(found);
  }
  conn->end_idle();
  if (watcher_ != nullptr) watcher_->on_pool_shrunk(PoolWatcher::Loss::kTaken);
  return conn;
}

void ConnPool::put_back(ClientConnPtr conn, const ClusterLimits& limits, const ClusterTimeouts& timeouts) {
  if (limits.max_idle_connections == 0) return;
  const std::chrono::milliseconds time = conn->idle_time(limits, timeouts);
  if (time.count() <= 0) return;
  if (idle_.size() >= limits.max_idle_connections) idle_.erase(idle_.begin());
  conn->begin_idle(*this, time);
  idle_.push_back(std::move(conn));
}

bool ConnPool::drop_oldest() {
  if (idle_.empty()) return false;
  idle_.erase(idle_.begin());
  if (watcher_ != nullptr) watcher_->on_pool_shrunk(PoolWatcher::Loss::kEnded);
  return true;
}

void ConnPool::drop(H1ClientConn* conn) {
  std::erase_if(idle_, [conn](const ClientConnPtr& held) { return held.get() == conn; });
  if (watcher_ != nullptr) watcher_->on_pool_shrunk(PoolWatcher::Loss::kEnded);
}

}  // namespace ingress::upstream
