// An HTTP/1.1 connection to a backend: writes one request at a time, reads its response.
//
// Owner: an exchange while it is used, its endpoint's ConnPool while it is idle; dropping the pointer closes
// the socket at once and frees the object after the current callback. Thread: its worker's.
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
#include "upstream/client_stream.h"

namespace ingress::upstream {

class ConnPool;

using ClientConnPtr = std::unique_ptr<H1ClientConn, ClientStreamDeleter>;

class H1ClientConn final : public ClientStream, private net::TransportHandler {
 public:
  H1ClientConn(net::EventLoop& loop, net::TransportPtr transport, const ClusterLimits& limits,
               Opened opened = Opened::kForRequest);

  // ClientStream
  void begin(UpstreamEvents& events, std::string_view method, const ClusterLimits& limits) override;
  void offer_upgrade(std::string_view protocols) override { offered_ = protocols; }
  void send_head(const RequestHead& head, http::BodyFraming framing) override;
  void send_body(base::Chain&& piece) override;
  void send_end(const Headers& trailers) override;
  void reset() override;
  void flush() override;
  std::size_t queued_bytes() const override { return out_.size_bytes() + transport_->queued_bytes(); }
  void pause_response() override;
  void resume_response() override;
  bool is_reused() const override { return num_exchanges_ > 1 || opened_ == Opened::kAhead; }
  bool has_written() const override { return transport_->written_bytes() != written_before_; }
  std::string_view proxy_header() const& override { return proxy_header_; }
  H1ClientConn* h1() override { return this; }

  // Between messages, with nothing unread and nothing unsent, and both sides willing. While reading is paused
  // nobody can tell, nor after it until something has been read.
  bool is_reusable() const {
    return state_ == State::kEnded && request_ == Request::kEnded && can_reuse_ && !may_have_unread_ &&
           queued_bytes() == 0;
  }
  // For how long it may be kept unused now: the cluster's idle timeout, what is left of its longest life, and
  // kIdleMargin less than the backend says that it waits. Zero or less: it is not to be used again.
  std::chrono::milliseconds idle_time(const ClusterLimits& limits, const ClusterTimeouts& timeouts) const;
  void set_proxy_header(std::string header) { proxy_header_ = std::move(header); }

  // Forgets the message that is over; is_reusable() says what it said before.
  void end_message();

  // The right to be open, where its cluster limits connections; goes with the socket.
  void adopt_permit(Permit permit) { permit_ = std::move(permit); }
  Permit take_permit() { return std::move(permit_); }
  bool has_permit() const { return static_cast<bool>(permit_); }

 private:
  friend class ConnPool;
  // Within that time a request should have reached a backend that is about to close.
  static constexpr std::chrono::milliseconds kIdleMargin{1'000};
  static constexpr std::chrono::milliseconds kNoLimit = std::chrono::milliseconds::max();
  enum class State : std::uint8_t { kIdle, kAwaitHead, kBody, kTunnel, kEnded, kClosed };
  enum class Request : std::uint8_t { kNone, kBody, kEnded };

  ~H1ClientConn() = default;
  void begin_idle(ConnPool& pool, std::chrono::milliseconds timeout);
  void end_idle();
  void destroy() override;

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
