// The HTTP/2 connections to one endpoint in one worker that may get new requests, and those being opened.
//
// Owner: EndpointState. Thread: its worker's.
// Always true: no connection in here is closed, told to go away, or older than it may get. Requests fill one
// connection before the next (RFC 9113 9.1: no more connections than necessary), so that those that are not
// needed any more run into the idle timeout.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "ingress/cluster.h"
#include "upstream/client_stream.h"
#include "upstream/conn_pool.h"
#include "upstream/h2_client_conn.h"

namespace ingress::upstream {

class H2Opening;

class H2Pool {
 public:
  H2Pool() = default;
  H2Pool(const H2Pool&) = delete;
  H2Pool& operator=(const H2Pool&) = delete;
  ~H2Pool() { clear(); }

  // A stream on a connection that began with just this PROXY header and has room; null when there is none.
  // Connections whose time or number of requests is over are retired.
  ClientStreamPtr take(std::string_view proxy_header, const ClusterLimits& limits,
                       const ClusterTimeouts& timeouts);
  // Becomes the owner.
  void add(H2ClientConn& conn);
  // Those without streams are kept for as long as the cluster allows, max_idle_connections at most. After a
  // stream has been given up.
  void keep_idle(const ClusterLimits& limits, const ClusterTimeouts& timeouts);
  // All are retired: what runs on them goes on.
  void clear();
  // Closes one without streams; false when there is none.
  bool drop_idle();
  // Somebody needs another connection, and none more may be opened: one is closed, or retired, whatever runs
  // on it, unless one is on its way out already.
  void make_room_for_others();
  std::size_t size() const { return conns_.size(); }
  // Null for nobody. The watcher outlives the pool or takes itself away.
  void set_watcher(PoolWatcher* watcher) { watcher_ = watcher; }

  // Connections being opened that further requests may wait for; see open_stream().
  std::vector<H2Opening*>& openings() { return openings_; }
  const std::vector<H2Opening*>& openings() const { return openings_; }
  // The endpoint chose HTTP/2 the last time it could (ALPN).
  bool is_spoken = false;
  // How many streams the endpoint allowed the last time it said so: a connection that has just been opened
  // does not know yet, and one too many may cost it.
  std::uint32_t known_max_streams = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t max_streams_at_first(const BackendHttp2& http2) const {
    return std::max(1U, std::min(http2.max_streams, known_max_streams));
  }

 private:
  friend class H2ClientConn;
  // By the connection itself.
  void remove(H2ClientConn& conn);

  std::vector<H2ClientConn*> conns_;  // oldest first
  std::vector<H2Opening*> openings_;
  std::shared_ptr<std::size_t> num_draining_;  // retired, with streams; null before the first; theirs as well
  PoolWatcher* watcher_ = nullptr;
};

}  // namespace ingress::upstream
