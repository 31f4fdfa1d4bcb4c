// An HTTP/1.1 connection to a backend: writes one request at a time, reads its response.
//
// Owner: an exchange while it is used, its endpoint's ConnPool while it is idle, through ClientConnPtr;
// dropping the pointer closes the socket at once and frees the object after the current callback.
// Thread: its worker's.
// Caller: begin() before a request, then send_*; gives it back only when is_reusable().
// Always true: after the end or a failure no event of the message comes; bytes behind a response make it not
// reusable; what has become a tunnel never is again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/buffer.h"
#include "http/body_decoder.h"
#include "http/h1_parser.h"
#include "ingress/cluster.h"
#include "net/loop.h"
#include "net/transport.h"
#include "upstream/circuit_breaker.h"
#include "upstream/client_conn_ptr.h"
#include "upstream/upstream_stream.h"

namespace ingress::upstream {

class ConnPool;

// Why a connection was opened: a request needs it, or one may soon.
enum class Opened : std::uint8_t { kForRequest, kAhead };

class H1ClientConn final : private net::TransportHandler {
 public:
  H1ClientConn(net::EventLoop& loop, net::TransportPtr transport, const ClusterLimits& limits,
               Opened opened = Opened::kForRequest);

  // Starts a request; `method` decides how its response is framed and is copied.
  void begin(UpstreamEvents& events, std::string_view method, const ClusterLimits& limits);
  // Before send_head(), for a head with an Upgrade field: the protocols of it (http::offered_upgrade()),
  // which must last until the response head has come. Without this call a 101 is a bad response.
  void offer_upgrade(std::string_view protocols) { offered_ = protocols; }
  // `head` without hop-by-hop fields. Written with the body bytes that follow in the same flush().
  void send_head(const RequestHead& head, http::BodyFraming framing);
  void send_body(base::Chain&& piece);
  // Ends the request; trailers are sent with a chunked body only. Of a tunnel: ends our direction.
  void send_end(const Headers& trailers);
  // Closes the connection so that the backend sees a reset; no event follows.
  void reset();
  // Hands what was sent to the socket; call once per turn.
  void flush();
  std::size_t queued_bytes() const { return out_.size_bytes() + transport_->queued_bytes(); }
  void pause_response();
  void resume_response();

  // Between messages, with nothing unread and nothing unsent, and both sides willing. While reading is paused
  // nobody can tell, nor after it until something has been read.
  bool is_reusable() const {
    return state_ == State::kEnded && request_ == Request::kEnded && can_reuse_ && !may_have_unread_ &&
           queued_bytes() == 0;
  }
  // Served an exchange before this one, or waited for its first: a failure before the head may be a race with
  // the backend's idle time-out.
  bool is_reused() const { return num_exchanges_ > 1 || opened_ == Opened::kAhead; }
  // For how long it may be kept unused now: the cluster's idle timeout, what is left of its longest life, and
  // kIdleMargin less than the backend says that it waits. Zero or less: it is not to be used again.
  std::chrono::milliseconds idle_time(const ClusterLimits& limits, const ClusterTimeouts& timeouts) const;
  // Bytes of the request may have reached the backend.
  bool has_written() const { return transport_->written_bytes() != written_before_; }

  // The PROXY header that the connection began with: it serves only requests with the same one. Empty: none.
  void set_proxy_header(std::string header) { proxy_header_ = std::move(header); }
  std::string_view proxy_header() const& { return proxy_header_; }

  // Forgets the message that is over; is_reusable() says what it said before.
  void end_message();

  // The right to be open, where its cluster limits connections; goes with the socket.
  void adopt_permit(Permit permit) { permit_ = std::move(permit); }
  Permit take_permit() { return std::move(permit_); }
  bool has_permit() const { return static_cast<bool>(permit_); }

 private:
  friend class ConnPool;
  friend struct ClientConnDeleter;
  // Within that time a request should have reached a backend that is about to close.
  static constexpr std::chrono::milliseconds kIdleMargin{1'000};
  static constexpr std::chrono::milliseconds kNoLimit = std::chrono::milliseconds::max();
  enum class State : std::uint8_t { kIdle, kAwaitHead, kBody, kTunnel, kEnded, kClosed };
  enum class Request : std::uint8_t { kNone, kBody, kEnded };

  ~H1ClientConn() = default;
  void begin_idle(ConnPool& pool, std::chrono::milliseconds timeout);
  void end_idle();
  void destroy();

  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  bool minds_reset_at_end() const override { return state_ != State::kIdle; }
  void on_drained() override;
  void on_broken(Error error) override;

  void take(base::Slice bytes);
  // Takes what it can from the front of `bytes`; false when the connection is through with input.
  bool take_head(base::Slice& bytes);
  bool take_body(base::Slice& bytes);
  bool accept_head(bool is_last_of_read);
  bool accept_upgrade();
  void end_response();
  void fail(Error error);
  void leave_pool();
  Error closed_early(const char* what) const;

  net::EventLoop& loop_;
  net::TransportPtr transport_;
  Permit permit_;
  UpstreamEvents* events_ = nullptr;
  ConnPool* pool_ = nullptr;  // while idle
  net::Timer idle_timer_;
  http::ResponseParser parser_;
  http::BodyDecoder decoder_;
  http::BodyFraming request_framing_;
  std::string proxy_header_;
  std::string_view offered_;  // protocols to upgrade to
  base::Chain out_;
  base::Chain piece_;  // of a body; empty between calls, kept for its memory
  std::uint64_t num_exchanges_ = 0;
  std::uint64_t written_before_ = 0;  // by the exchanges before
  std::chrono::milliseconds opened_at_;
  std::chrono::milliseconds backend_idle_limit_ = kNoLimit;  // as announced with the last response
  std::uint8_t age_jitter_;                                  // in 2560ths of the longest life
  std::uint32_t num_interim_ = 0;
  std::uint32_t max_interim_ = 0;
  Opened opened_;
  State state_ = State::kIdle;
  Request request_ = Request::kNone;
  bool can_reuse_ = true;
  bool may_have_unread_ = false;  // in the socket, since reading was paused
  bool is_head_request_ = false;
};

}  // namespace ingress::upstream
