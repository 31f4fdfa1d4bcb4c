// A client's HTTP/2 connection: one session, many streams, each with an exchange of its own.
//
// Owner: its Worker. Thread: the worker's.
// Caller: start() with what has been read already; drain() when the worker or the listener goes away.
// Always true: what the streams have to send leaves once per turn of the loop, and only while the client
// reads; a stream that its client does not read, or whose backend is slow, holds up itself alone.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "http/h2_server.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "proxy/downstream_connection.h"
#include "proxy/downstream_h2_stream.h"

namespace ingress::proxy {

class DownstreamH2 final : public DownstreamConnection,
                           private net::TransportHandler,
                           private http::H2ServerEvents {
 public:
  // `read`: what has come of it so far. The transport has been started.
  DownstreamH2(DownstreamHost& host, ListenerState& listener, net::TransportPtr transport, base::Chain read);
  ~DownstreamH2() override;

  void start() override;
  void drain() override;
  void drain_tunnel() override;
  void cut_exchanges() override;
  void close_now() override;

  // For its streams.
  DownstreamHost& host() { return host_; }
  http::H2Server& session() { return session_; }
  const net::Transport& transport() const { return *transport_; }
  net::TimerWheel& timers() { return host_.services().loop.timers(); }
  // Something was handed to the session.
  void want_write(std::size_t queued_bytes);
  void note_news(DownstreamH2Stream& stream);
  void note_unsettled(DownstreamH2Stream& stream);

 private:
  enum class State : std::uint8_t { kOpen, kLinger, kClosed };
  enum class Goaway : std::uint8_t { kNone, kAnnounced, kSent };
  enum class ReadWait : std::uint8_t { kNothing, kFirstRequest, kNextRequest, kHead, kLinger };
  static constexpr std::chrono::milliseconds kLingerTime{2'000};
  // For the answer to the PING that says when the client knows that the end is near.
  static constexpr std::chrono::milliseconds kGoawayGrace{1'000};
  // Of the socket: no more is made of the streams' bytes until it has taken these.
  static constexpr std::size_t kMaxQueuedBytes = 64 * 1024;
  static constexpr std::size_t kWriteBytes = 256 * 1024;

  // net::TransportHandler
  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  void on_drained() override;
  void on_broken(Error error) override;

  // http::H2ServerEvents
  http::H2ServerStream* on_stream() override;
  void on_goaway_announced() override;
  void on_ping_ack() override;
  std::chrono::milliseconds now() const override;

  void turn();
  void write();
  void settle();
  void forget(DownstreamH2Stream& stream);
  void end_goaway();
  void end_if_over();
  void close_gracefully();
  void watch();
  void wait_for(ReadWait waiting, std::chrono::milliseconds limit);
  void on_read_timeout();
  void watch_writing();
  void on_write_timeout();

  DownstreamHost& host_;
  net::TransportPtr transport_;
  base::Chain input_;  // until start()
  http::H2Server session_;
  std::vector<std::unique_ptr<DownstreamH2Stream>> streams_;
  std::vector<DownstreamH2Stream*> news_, unsettled_;
  std::vector<http::H2ServerStream*> drained_;
  net::Timer read_timer_, write_timer_, goaway_timer_;
  std::uint64_t written_before_ = 0;  // when write_timer_ was set
  State state_ = State::kOpen;
  Goaway goaway_ = Goaway::kNone;
  ReadWait read_wait_ = ReadWait::kNothing;
  bool is_in_turn_ = false;      // turn() is on the stack, or feed()
  bool is_turn_wanted_ = false;  // one is to come
  bool is_read_ended_ = false;
  bool is_first_ = true;  // no request yet
  bool is_tunnel_time_over_ = false;
};

}  // namespace ingress::proxy
