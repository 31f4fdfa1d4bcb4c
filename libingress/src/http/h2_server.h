// HTTP/2 as a server (RFC 9113): bytes of a client in, requests out, and the way back. nghttp2 reads frames,
// keeps the windows and the tables; what is too much of anything is decided here.
//
// Owner: a connection. Thread: its worker's. No I/O: feed() what was read, collect() what is to be written.
// Caller: owns the streams that it hands out in H2ServerEvents::on_stream(), from then on until on_closed().
// Always true: no event comes but from inside feed(), on_closed() also from collect(); a stream that is
// closed is never told of again. Submitting is allowed inside events, feed() and collect() are not.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/buffer.h"
#include "http/h1_parser.h"
#include "http/h2_code.h"
#include "http/h2_field_cache.h"
#include "http/h2_head.h"
#include "http/leaky_budget.h"
#include "http/stream_ids.h"
#include "ingress/error.h"
#include "ingress/message.h"

struct nghttp2_session;

namespace ingress::http {

struct H2Limits {
  HeadLimits head = {};
  PathOptions paths = {};
  std::uint32_t max_streams = 100;
  std::uint32_t stream_window_bytes = 64 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;
};

// One request and its response.
class H2ServerStream {
 public:
  H2ServerStream(const H2ServerStream&) = delete;
  H2ServerStream& operator=(const H2ServerStream&) = delete;

  RequestHead& head() { return reader_.head(); }
  H2RequestReader& reader() { return reader_; }
  // What was handed to send_body() and has not left, for the client's window or for the socket.
  std::size_t queued_bytes() const { return out_.size_bytes(); }
  std::uint64_t sent_bytes() const { return sent_bytes_; }
  bool is_closed() const { return is_closed_; }
  // The client will send nothing more.
  bool is_request_ended() const { return is_request_ended_; }
  // What comes from the client is no request any more, and may go on when the response has ended.
  void become_two_way() { is_two_way_ = true; }

 protected:
  H2ServerStream() = default;
  virtual ~H2ServerStream() = default;

 private:
  friend class H2Server;
  friend struct H2Callbacks;
  static constexpr std::uint64_t kNoLength = std::numeric_limits<std::uint64_t>::max();
  // As if it were new, for a request of that id.
  void begin(std::int32_t id, HeadLimits limits);
  // The head is complete. Its error: what to answer; what cannot be answered is reset before.
  virtual void on_request(std::expected<BodyFraming, Error> framing) = 0;
  // In the slice that was fed. Counts against the windows until consume().
  virtual void on_body(base::Slice piece) = 0;
  virtual void on_request_end(const Headers& trailers) = 0;
  // Last. Whatever was still to be sent is not sent.
  virtual void on_closed() = 0;

  H2RequestReader reader_;
  base::Chain out_;
  Headers trailers_out_;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t promised_bytes_ =
      kNoLength;  // what is still to come of a body whose head said how long it is
  std::int32_t id_ = 0;
  bool is_closed_ = false;
  bool is_request_ended_ = false;
  bool is_deferred_ = false;     // nghttp2 waits to be told of more
  bool is_out_ended_ = false;    // nothing will be added to out_
  bool is_end_sent_ = false;     // END_STREAM has left
  bool is_reset_by_us_ = false;  // for a reason that is not the client's
  bool is_drain_due_ = false;    // its queue ran empty
  bool is_refused_ = false;      // to be reset for a fault of the client's
  bool is_two_way_ = false;
};

class H2ServerEvents {
 public:
  // A request begins. Null refuses it (REFUSED_STREAM, RFC 9113 8.7).
  virtual H2ServerStream* on_stream() = 0;
  // The notice of announce_goaway() has left; asked for by a PING behind it, the client says that it has read
  // it.
  virtual void on_goaway_announced() = 0;
  virtual void on_ping_ack() = 0;
  virtual std::chrono::milliseconds now() const = 0;

 protected:
  ~H2ServerEvents() = default;
};

class H2Server {
 public:
  // `pool` outlives it.
  H2Server(H2ServerEvents& events, base::BufferPool& pool, const H2Limits& limits);
  ~H2Server();
  H2Server(const H2Server&) = delete;
  H2Server& operator=(const H2Server&) = delete;

  // Of requests that begin from now on.
  void set_limits(const H2Limits& limits) { limits_ = limits; }

  // False when the client does not speak HTTP/2, or there is no memory: nothing more can be said to it.
  bool feed(const base::Slice& bytes);
  // Appends what is to be written now, some `budget` bytes of it.
  void collect(base::Chain& out, std::size_t budget);
  // Nothing more will be read or written: GOAWAY has been sent, and all streams are closed or lost.
  bool is_over() const;
  // collect() has something to give, or will when a window opens.
  bool wants_write() const;
  // A head has begun and is not complete.
  bool is_in_head() const { return is_in_head_; }
  // The connection ends because of what the client did too much of.
  bool is_flooded() const { return is_flooded_; }
  // Streams whose queue has run empty since this was asked last; each is told of once.
  void take_drained(std::vector<H2ServerStream*>& out);

  // A 1xx other than 101.
  void send_interim(H2ServerStream& stream, const ResponseHead& head);
  // The final head; see write_response_head(). With kNone the response ends with it.
  void send_head(H2ServerStream& stream, const ResponseHead& head, BodyFraming framing,
                 std::int64_t kept_length);
  void send_body(H2ServerStream& stream, base::Chain&& piece);
  // Ends the response; a request that has not ended is not waited for (RFC 9113 8.1).
  void send_end(H2ServerStream& stream, const Headers& trailers);
  // The first code stands.
  void reset(H2ServerStream& stream, H2Code code);
  // The windows open again by `bytes` of a body: of the connection at once, of a stream when its reader has
  // taken them.
  void consume_connection(std::size_t bytes);
  void consume_stream(H2ServerStream& stream, std::size_t bytes);

  // RFC 9113 6.8: first says that the end is near and asks for a PING back; then names the last stream that
  // is served, all of which end as if nothing had happened. Streams that begin after that call are refused,
  // so that what a client may send again has not been served.
  void announce_goaway();
  void send_goaway();
  // At once, with an error.
  void terminate(H2Code code);

 private:
  friend struct H2Callbacks;
  // Behind a HEADERS frame, 16 KB each: a head of 64 KB takes four.
  static constexpr int kMaxContinuations = 8;
  void submit_settings();
  void note_odd();
  void note_answer();
  void note_due(std::uint64_t num_answers);
  void note_early_end();
  void calm_down();
  void note_drained(H2ServerStream& stream);
  // The request is malformed (RFC 9113 8.1.1): nothing more of it is told.
  void refuse(H2ServerStream& stream);

  H2ServerEvents& events_;
  base::BufferPool& pool_;
  H2Limits limits_;
  nghttp2_session* session_ = nullptr;
  const base::Slice* input_ = nullptr;     // during feed()
  H2ServerStream* read_stream_ = nullptr;  // of the head that is being read
  base::Chain* output_ = nullptr;          // during collect()
  std::size_t output_budget_ = 0;
  H2FieldCache field_cache_;
  std::vector<H2Field> fields_;
  base::Arena head_text_;  // of heads that nghttp2 has not written yet
  std::vector<H2ServerStream*> drained_;
  StreamIds ids_;
  std::int32_t begun_id_ = 0;  // of a HEADERS frame that has not become a stream yet
  // Frames that honest clients send a few of: PING, SETTINGS, PRIORITY, empty DATA, what is unknown, wrong or
  // for a stream that is gone; WINDOW_UPDATE and PING where nothing was sent that would be a reason.
  LeakyBudget odd_frames_{1000, 20};
  std::uint64_t num_answers_due_ = 0;  // WINDOW_UPDATE and PING frames for which there is a reason
  // Requests that ended before their response, by a reset of the client's or for a fault of it
  // (CVE-2023-44487, CVE-2025-8671).
  LeakyBudget early_ends_{200, 20};
  int num_continuations_ = 0;    // of this head
  bool is_goaway_sent_ = false;  // or about to be: later streams are not for us
  bool is_in_head_ = false;
  bool is_flooded_ = false;
};

}  // namespace ingress::http
