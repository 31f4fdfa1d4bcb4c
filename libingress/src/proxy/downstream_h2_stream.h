// One request on an HTTP/2 connection: stands between its exchange and the stream of the session.
//
// Owner: its DownstreamH2, until both the exchange and the session are done with it; then the worker's pool,
// where the next request finds its memory warm. Thread: the worker's.
// Always true: nothing is told to the exchange from inside a call of it, nor from where the session writes:
// what happens there is noted, and told by settle().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>

#include "http/h2_server.h"
#include "net/timer_wheel.h"
#include "proxy/body_clock.h"
#include "proxy/downstream_stream.h"
#include "proxy/exchange.h"

namespace ingress::proxy {

class DownstreamH2;

class DownstreamH2Stream final : public http::H2ServerStream, private DownstreamStream {
 public:
  DownstreamH2Stream();
  ~DownstreamH2Stream() override;
  // For a new request on `connection`.
  void begin(DownstreamH2& connection);
  // Keeps nothing but memory until then. False when its exchange has not ended: it cannot be used again.
  bool rest();

  // After each read that brought something for it.
  void on_read_done();
  // Its queue has run empty.
  void on_drained();
  // Tells the exchange what happened since; false when nobody needs the stream any more. Not from inside the
  // exchange.
  bool settle();
  // The connection is gone, or ends without it.
  void on_connection_gone(const char* why);
  void drain_tunnel();
  bool is_tunnel() const { return is_tunnel_; }
  // Ends it now, answered or not.
  void cut();

  std::size_t list_index = 0;
  bool has_news = false;      // listed for on_read_done()
  bool is_unsettled = false;  // listed for settle()

 private:
  // http::H2ServerStream
  void on_request(std::expected<http::BodyFraming, Error> framing) override;
  void on_body(base::Slice piece) override;
  void on_request_end(const Headers& trailers) override;
  void on_closed() override;

  // DownstreamStream
  void send_interim(const ResponseHead& head) override;
  void begin_tunnel(const ResponseHead& head) override;
  void send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) override;
  void send_body(base::Chain&& piece) override;
  void send_end(const Headers& trailers) override;
  std::size_t flush() override;
  const net::PeerAddress& local_address() const override;
  void set_reading(Reading reading) override;
  void finish(Finish how) override;

  std::expected<http::BodyFraming, Error> check_request(std::expected<http::BodyFraming, Error> framing);
  bool begin_websocket();
  RequestStart request_start(http::BodyFraming framing, bool expects_continue);
  bool is_served() const { return exchange_ && !is_exchange_over_; }
  void pass_early_bytes();
  void open_window();
  void watch_reading();
  void on_read_timeout();
  void watch_writing();
  void on_write_timeout();

  DownstreamH2* connection_ = nullptr;
  std::unique_ptr<Exchange> exchange_;
  base::Chain piece_;      // of a body; empty between calls
  base::Chain early_;      // sent for a tunnel that is not there yet
  std::size_t taken_ = 0;  // bytes of the body for which the client's window is still to be opened
  std::uint64_t body_bytes_ = 0;
  BodyClock clock_;
  net::Timer read_timer_;
  net::Timer write_timer_;
  std::uint64_t sent_before_ = 0;   // when write_timer_ was set
  std::uint64_t sent_at_read_ = 0;  // when read_timer_ was
  Reading reading_ = Reading::kOn;
  bool expects_continue_ = false;
  bool is_exchange_over_ = false;
  bool is_websocket_ = false;  // asked for by an extended CONNECT (RFC 8441)
  bool is_tunnel_ = false;
  bool is_tunnel_time_over_ = false;
};

}  // namespace ingress::proxy
