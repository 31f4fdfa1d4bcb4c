// A client's HTTP/1.x connection: reads one request after the other, answers in order.
//
// Owner: its Worker. Thread: the worker's.
// Caller: start() once; drain() when the worker or the listener goes away.
// A client that speaks HTTP/2 is handed on to another connection (DownstreamHost::begin_http2()) before
// anything of it is taken for a request. Always true: at most one exchange at a time; what a client sends
// behind the request being served waits, and reading pauses until the answer is out; no request begins while
// a client leaves its answers unread; after a refused message and in a tunnel nothing is interpreted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/buffer.h"
#include "net/timer_wheel.h"
#include "net/transport.h"
#include "proxy/downstream_connection.h"
#include "proxy/downstream_stream.h"
#include "proxy/exchange.h"
#include "proxy/h1_message.h"

namespace ingress::proxy {

class DownstreamH1 final : public DownstreamConnection,
                           private net::TransportHandler,
                           private DownstreamStream {
 public:
  DownstreamH1(DownstreamHost& host, ListenerState& listener, net::TransportPtr transport);
  ~DownstreamH1() override;

  void start() override;
  void drain() override;
  void drain_tunnel() override;
  void cut_exchanges() override;
  void close_now() override;

 private:
  static constexpr std::uint8_t kNoPreface = 255;
  enum class State : std::uint8_t { kIdle, kHead, kExchange, kTunnel, kLinger, kClosed };
  enum class ReadWait : std::uint8_t { kNothing, kNextRequest, kHead, kBody, kLinger };
  static constexpr std::chrono::milliseconds kLingerTime{2'000};

  // net::TransportHandler
  void on_ready() override;
  void on_read(base::Slice bytes) override;
  void on_read_end() override;
  bool minds_reset_at_end() const override { return state_ != State::kIdle; }
  void on_drained() override;
  void on_broken(Error error) override;

  // DownstreamStream
  void send_interim(const ResponseHead& head) override;
  void begin_tunnel(const ResponseHead& head) override;
  void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) override;
  void send_body(base::Chain&& piece) override;
  void send_end(const Headers& trailers) override;
  std::size_t flush() override;
  const net::PeerAddress& local_address() const override { return transport_->local(); }
  void set_reading(Reading reading) override;
  void finish(Finish how) override;

  void process();
  void take_input();
  bool is_http2_preface();
  void begin_http2(base::Chain read);
  bool take_head();
  bool take_body();
  void pass_to_tunnel();
  void begin_exchange();
  void refuse(Error error);
  RequestStart request_start(http::BodyFraming framing, bool expects_continue);
  void end_exchange();
  void give_back_message();
  void await_next_request();
  void hold_input();
  void close_gracefully();
  void watch_reading();
  void wait_for(ReadWait waiting, std::chrono::milliseconds limit);
  void on_read_timeout();
  void watch_writing();
  void unwatch_writing();
  void on_write_timeout();

  DownstreamHost& host_;
  net::TransportPtr transport_;
  std::unique_ptr<H1Message> message_;  // none while the connection rests
  std::unique_ptr<Exchange> exchange_;
  base::Slice input_;  // read, not yet interpreted
  net::Timer read_timer_;
  // Made when first needed and then kept: most clients read what they are sent at once, and idle ones are
  // many.
  struct WriteWatch {
    explicit WriteWatch(DownstreamH1* self)
        : timer([](void* owner) { static_cast<DownstreamH1*>(owner)->on_write_timeout(); }, self) {}
    net::Timer timer;
    std::size_t queued_before = 0;  // when the timer was set
  };
  std::unique_ptr<WriteWatch> write_watch_;
  State state_ = State::kIdle;
  ReadWait read_wait_ = ReadWait::kNothing;
  Reading reading_ = Reading::kOn;
  Finish finish_ = Finish::kComplete;
  bool is_processing_ = false;  // process() is on the stack
  bool is_exchange_over_ = false;
  bool has_news_ = false;         // the exchange was told something in this turn
  bool is_request_ended_ = true;  // no byte of the request is missing
  bool is_keep_alive_ = true;     // of this request and its answer
  bool is_read_ended_ = false;    // the client will send nothing more
  bool is_chunked_ = false;       // the answer's body
  bool is_first_ = true;          // no request yet
  bool is_draining_ = false;
  bool is_tunnel_time_over_ = false;
  std::uint8_t num_preface_bytes_ = 0;  // of what has come, those with which HTTP/2 would begin as well
};

}  // namespace ingress::proxy
