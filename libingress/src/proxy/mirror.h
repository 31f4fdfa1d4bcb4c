// Copies of requests for other clusters (RequestMirror): what such a backend says is read and dropped.
//
// Owner: the worker's Mirrors; the exchange that feeds a copy holds a MirrorFeed. Thread: the worker's.
// Always true: nothing in here makes the exchange wait or fail. A copy that cannot be sent as fast as the
// request is given up, and so is one whose request does not come to its end; it is tried once.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "net/timer_wheel.h"
#include "upstream/cluster_state.h"
#include "upstream/connector.h"
#include "upstream/open_stream.h"

namespace ingress::proxy {

enum class MirrorEnd : std::uint8_t {
  kAnswered,   // the whole response was read, or enough of it
  kFailed,     // no endpoint, no connection, or it ended too early or too late
  kSkipped,    // too many copies at a time, or a limit of the cluster was met
  kBehind,     // the backend took it too slowly
  kAbandoned,  // the request itself did not come to its end
};
inline constexpr std::size_t kNumMirrorEnds = 5;
std::string_view to_string(MirrorEnd end);
using MirrorCounters = std::array<base::Counter, kNumMirrorEnds>;

class Mirrors;

// One copy.
class Mirror final : private upstream::UpstreamEvents {
 public:
  // Held by the exchange: the request so far has no end yet. Null when the copy was not begun.
  struct Release {
    void operator()(Mirror* mirror) const { mirror->release(); }
  };

  // Of the request's body as the backend gets it; the bytes are shared.
  void send_body(const base::Chain& piece);
  // The request is whole. Once or more often; `trailers`, null for none, are copied.
  void send_end(const Headers* trailers);

 private:
  friend class Mirrors;
  Mirror(Mirrors& owner, const upstream::ClusterEntry& entry);
  ~Mirror();

  void start(const upstream::ClusterEntry& entry, const RequestHead& head, std::string_view client_address,
             http::BodyFraming framing, std::string proxy_header);
  void release();
  void limit(std::chrono::milliseconds time);
  void on_connected(std::expected<upstream::ClientStreamPtr, Error> stream);
  void begin();
  void pump();
  void finish(MirrorEnd end);

  void on_response_interim(ResponseHead&) override {}
  void on_response_head(ResponseHead& head, http::BodyFraming framing) override;
  void on_response_body(base::Chain&& piece) override;
  void on_response_end(const Headers& trailers) override;
  void on_response_read_done() override;
  void on_upstream_drained() override {}
  void on_upstream_failed(Error error) override;

  Mirrors& owner_;
  const ClusterTimeouts timeouts_;
  const ClusterLimits limits_;
  std::string proxy_header_;
  RequestHead head_;
  http::BodyFraming framing_;
  base::Chain held_;  // of the body, not yet given to the connection
  Headers trailers_;
  upstream::Permit request_permit_;
  upstream::EndpointRef endpoint_;
  std::unique_ptr<upstream::Connector::Attempt> attempt_;
  upstream::ClientStreamPtr stream_;
  net::Timer timer_;                     // request whole to response head, then to its end
  std::uint64_t num_dropped_bytes_ = 0;  // of the response
  std::size_t index_ = 0;                // in the owner's list
  bool is_fed_ = true;                   // the exchange still holds it
  bool is_request_ended_ = false, is_end_sent_ = false;
  bool has_response_head_ = false, is_response_ended_ = false;
  bool is_over_ = false;
};
using MirrorFeed = std::unique_ptr<Mirror, Mirror::Release>;

class Mirrors {
 public:
  static constexpr std::size_t kMaxOpen = 1024;
  // Of one copy: that wait for its backend.
  static constexpr std::size_t kMaxHeldBytes = 256 * 1024;
  // Of a response, for which there is no limit of time.
  static constexpr std::chrono::milliseconds kDefaultLimit{60'000};
  // Of a response; beyond, its connection is closed.
  static constexpr std::uint64_t kMaxDroppedBytes = 1024 * 1024;

  Mirrors(net::EventLoop& loop, upstream::ClusterStates& clusters, upstream::Connector& connector,
          MirrorCounters& counters)
      : loop_(loop), clusters_(clusters), connector_(connector), counters_(counters) {}
  Mirrors(const Mirrors&) = delete;
  Mirrors& operator=(const Mirrors&) = delete;
  ~Mirrors() { drop_all(); }

  // Begins a copy of `head`, which is copied; its body follows through the feed. Null when it cannot begin.
  // `proxy_header`: what a connection for this client begins with, where `entry` wants one.
  MirrorFeed start(const upstream::ClusterEntry& entry, const RequestHead& head,
                   std::string_view client_address, http::BodyFraming framing, std::string proxy_header = {});
  // Copies that are under way end without an answer. No feed is held any more.
  void drop_all();
  std::size_t num_open() const { return open_.size(); }

 private:
  friend class Mirror;
  struct Delete {
    void operator()(Mirror* mirror) const;
  };
  void count(MirrorEnd end) { counters_[static_cast<std::size_t>(end)].add(); }
  void remove(Mirror& mirror);

  net::EventLoop& loop_;
  upstream::ClusterStates& clusters_;
  upstream::Connector& connector_;
  MirrorCounters& counters_;
  std::vector<std::unique_ptr<Mirror, Delete>> open_;
};

}  // namespace ingress::proxy
