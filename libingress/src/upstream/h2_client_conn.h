// An HTTP/2 connection to a backend: many requests at once, each a stream of its own.
//
// Owner: its H2Pool as long as it may get new requests, then its streams: it closes when the last one is
// gone, and is freed after the current callback. Thread: its worker's. Always true: what all streams send in
// one turn of the loop leaves together; a stream that is not read from stalls only itself, and is sent no
// more than its window.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/h2_client.h"
#include "ingress/cluster.h"
#include "net/loop.h"
#include "net/transport.h"
#include "upstream/circuit_breaker.h"
#include "upstream/client_stream.h"

namespace ingress::upstream {

class H2Pool;
class H2RequestStream;

class H2ClientConn final : private net::TransportHandler, private http::H2ClientEvents {
 public:
  // Belongs to nobody yet: the first stream, or H2Pool::add(), takes it.
  // `max_at_first`: streams at once, until the backend has said how many it allows.
  H2ClientConn(net::EventLoop& loop, net::TransportPtr transport, const ClusterLimits& limits,
               const BackendHttp2& http2, std::uint32_t max_at_first, Opened opened);
  H2ClientConn(const H2ClientConn&) = delete;
  H2ClientConn& operator=(const H2ClientConn&) = delete;

  // Null when there is no room for another one now.
  ClientStreamPtr open_stream();
  bool is_idle() const { return streams_.empty(); }
  // No new requests; closed when there are no streams any more.
  void retire();

  void set_proxy_header(std::string header) { proxy_header_ = std::move(header); }
  std::string_view proxy_header() const& { return proxy_header_; }
  // The right to be open, where its cluster limits connections; goes with the socket.
  void adopt_permit(Permit permit) { permit_ = std::move(permit); }
  bool has_permit() const { return static_cast<bool>(permit_); }
  // As H1ClientConn::idle_time(), but that the backend says nothing of it.
  std::chrono::milliseconds idle_time(const ClusterLimits& limits, const ClusterTimeouts& timeouts) const;

 private:
  friend class H2Pool;
  friend class H2RequestStream;
  enum class State : std::uint8_t { kOpen, kClosed };

  ~H2ClientConn() = default;

  // For the streams.
  http::H2Client& session() { return session_; }
  std::string_view scheme() const { return transport_->secure() != nullptr ? "https" : "http"; }
  void want_write();
  void note_news(H2RequestStream& stream);
  void forget(H2RequestStream& stream);
  // Ends at once, as `error` says to streams whose response has not begun.
  void fail_streams(const Error& error);

  void turn();
  void tell_news();
  void write();
  void tell_drained();
  void close();
  void free_if_unused();
  bool has_room() const;

  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  void on_drained() override;
  void on_broken(Error error) override;
  void on_settings() override;
  void on_goaway() override;
  std::chrono::milliseconds now() const override { return loop_.timers().now(); }

  net::EventLoop& loop_;
  net::TransportPtr transport_;
  http::H2Client session_;
  Permit permit_;
  std::string proxy_header_;
  H2Pool* pool_ = nullptr;  // while it may get new requests
  net::Timer idle_timer_;
  std::vector<H2RequestStream*> streams_;
  std::vector<H2RequestStream*> news_;  // of which something was read; null: gone since
  std::vector<http::H2ClientStream*> drained_;
  std::uint64_t num_begun_ = 0, num_reads_ = 0, num_writes_ = 0;
  std::chrono::milliseconds opened_at_, last_read_at_{0};
  std::shared_ptr<std::size_t> draining_;  // of the pool, where it counts in it
  const std::uint32_t max_at_first_;
  std::uint8_t age_jitter_;  // in 2560ths of the longest life
  const Opened opened_;
  State state_ = State::kOpen;
  bool is_in_turn_ = false, is_turn_wanted_ = false;
  bool is_freed_ = false;
};

}  // namespace ingress::upstream
