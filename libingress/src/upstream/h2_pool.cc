#include "upstream/h2_pool.h"

#include <algorithm>

namespace ingress::upstream {

ClientStreamPtr H2Pool::take(std::string_view proxy_header, const ClusterLimits& limits,
                             const ClusterTimeouts& timeouts) {
  for (std::size_t i = 0; i < conns_.size();) {
    H2ClientConn& conn = *conns_[i];
    if (conn.idle_time(limits, timeouts).count() <= 0) {
      conn.retire();
      continue;
    }
    if (conn.proxy_header() == proxy_header) {
      if (ClientStreamPtr stream = conn.open_stream()) return stream;
    }
    ++i;
  }
  return nullptr;
}

void H2Pool::add(H2ClientConn& conn) {
  conn.pool_ = this;
  conns_.push_back(&conn);
}

void H2Pool::keep_idle(const ClusterLimits& limits, const ClusterTimeouts& timeouts) {
  std::size_t num_idle = 0;
  for (std::size_t i = conns_.size(); i > 0; --i) {  // the newest are kept
    H2ClientConn& conn = *conns_[i - 1];
    if (!conn.is_idle()) continue;
    const std::chrono::milliseconds time = conn.idle_time(limits, timeouts);
    if (++num_idle > limits.max_idle_connections || time.count() <= 0) {
      conn.retire();
    } else if (!conn.idle_timer_.is_set()) {
      conn.idle_timer_.set(conn.loop_.timers(), time);
    }
  }
}

void H2Pool::clear() {
  while (!conns_.empty()) conns_.back()->retire();
}

bool H2Pool::drop_idle() {
  const auto idle = std::ranges::find_if(conns_, [](const H2ClientConn* conn) { return conn->is_idle(); });
  if (idle == conns_.end()) return false;
  (*idle)->retire();
  return true;
}

void H2Pool::make_room_for_others() {
  const bool is_draining = num_draining_ != nullptr && *num_draining_ > 0;
  if (!drop_idle() && !is_draining && !conns_.empty()) conns_.front()->retire();
}

void H2Pool::remove(H2ClientConn& conn) {
  std::erase(conns_, &conn);
  if (!conn.is_idle()) {
    if (num_draining_ == nullptr) num_draining_ = std::make_shared<std::size_t>(0);
    ++*num_draining_;
    conn.draining_ = num_draining_;
  }
  if (watcher_ != nullptr) watcher_->on_pool_shrunk(PoolWatcher::Loss::kEnded);
}

}  // namespace ingress::upstream
