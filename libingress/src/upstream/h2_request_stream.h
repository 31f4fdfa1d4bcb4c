// One request on an HTTP/2 connection to a backend, and its response.
//
// Owner: who has the ClientStreamPtr. Thread: its worker's.
// Always true: its connection outlives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "http/h2_client.h"
#include "upstream/client_stream.h"
#include "upstream/h2_client_conn.h"

namespace ingress::upstream {

class H2RequestStream final : public ClientStream, private http::H2ClientStream {
 public:
  explicit H2RequestStream(H2ClientConn& conn);

  // ClientStream
  void begin(UpstreamEvents& events, std::string_view method, const ClusterLimits& limits) override;
  void offer_upgrade(std::string_view) override {}  // RFC 9113 8.6: there are none
  void send_head(const RequestHead& head, http::BodyFraming framing) override;
  void send_body(base::Chain&& piece) override;
  void send_end(const Headers& trailers) override;
  void reset() override;
  void flush() override { conn_.want_write(); }
  std::size_t queued_bytes() const override { return http::H2ClientStream::queued_bytes(); }
  void pause_response() override { is_paused_ = true; }
  void resume_response() override;
  bool is_reused() const override { return is_reused_; }
  bool has_written() const override { return is_begun_ && conn_.num_writes_ != writes_before_; }
  std::string_view proxy_header() const& override { return conn_.proxy_header(); }

 private:
  friend class H2ClientConn;
  ~H2RequestStream() override = default;
  void destroy() override;

  void on_interim() override;
  void on_response(std::expected<http::BodyFraming, Error> framing) override;
  void on_body(base::Slice piece) override;
  void on_response_end(const Headers& trailers) override;
  void on_closed(http::H2Close how) override;
  // For the connection.
  void on_read_done();
  void on_drained();
  void on_connection_failed(const Error& error);

  void abandon(http::H2Code code);
  void fail(Error error);

  H2ClientConn& conn_;
  UpstreamEvents* events_ = nullptr;
  base::Chain piece_;  // of a body; empty between calls, kept for its memory
  std::size_t list_index_ = 0;
  std::size_t unconsumed_bytes_ = 0;  // while paused
  std::uint64_t reads_before_ = 0, writes_before_ = 0;
  std::chrono::milliseconds begun_at_{0};
  bool is_begun_ = false;
  bool is_reused_ = false;
  bool is_paused_ = false;
  bool has_answer_ = false;  // an interim one, or the head
  bool has_head_ = false;
  bool is_ended_ = false;  // the response is complete
  bool has_news_ = false;
};

}  // namespace ingress::upstream
