#include "upstream/conn_pool.h"

#include <algorithm>

namespace ingress::upstream {

ClientConnPtr ConnPool::take() {
  if (idle_.empty()) return nullptr;
  ClientConnPtr conn = std::move(idle_.back());
  idle_.pop_back();
  conn->end_idle();
  return conn;
}

void ConnPool::put_back(ClientConnPtr conn, std::size_t max_idle, std::chrono::milliseconds idle_timeout) {
  if (max_idle == 0) return;
  if (idle_.size() >= max_idle) idle_.erase(idle_.begin());
  conn->begin_idle(*this, idle_timeout);
  idle_.push_back(std::move(conn));
}

bool ConnPool::drop_oldest() {
  if (idle_.empty()) return false;
  idle_.erase(idle_.begin());
  return true;
}

void ConnPool::drop(H1ClientConn* conn) {
  std::erase_if(idle_, [conn](const ClientConnPtr& held) { return held.get() == conn; });
}

}  // namespace ingress::upstream
