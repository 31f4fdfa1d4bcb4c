// HTTP/2 as a client (RFC 9113): requests out, bytes of a backend in, and responses out of them. nghttp2
// reads frames, keeps the windows and the tables; what is too much of anything is decided here.
//
// Owner: a connection. Thread: its worker's. No I/O: feed() what was read, collect() what is to be written.
// Caller: owns the streams that it hands to begin(), from then on until on_closed().
// Always true: no event comes but from inside feed(), on_closed() also from collect(); a stream that is
// closed is never told of again. Beginning and submitting are allowed inside events, feed() and collect() are
// not.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "http/h2_code.h"
#include "http/h2_response_head.h"
#include "http/leaky_budget.h"
#include "ingress/error.h"
#include "ingress/message.h"

struct nghttp2_session;

namespace ingress::http {

struct H2ClientLimits {
  HeadLimits head = {};             // of a response
  std::uint32_t max_streams = 100;  // at once; less where the backend says so
  std::uint32_t max_interim_responses = 16;
  std::uint32_t stream_window_bytes = 256 * 1024;
  std::uint32_t connection_window_bytes = 1024 * 1024;
};

// How a stream ended.
struct H2Close {
  // RFC 9113 7; 0 when it ended as it should. kProtocolError where the backend says NO_ERROR before the end
  // of its response.
  std::uint32_t code = 0;
  // The backend says that it has not looked at the request (REFUSED_STREAM, or a GOAWAY that left it out):
  // safe to send again, whatever it is (RFC 9113 8.7). Not when it has begun to answer all the same.
  bool is_unprocessed = false;
  // Ours: by reset(), or because of what was wrong with the response.
  bool is_ours = false;
};

// One request and its response.
class H2ClientStream {
 public:
  H2ClientStream(const H2ClientStream&) = delete;
  H2ClientStream& operator=(const H2ClientStream&) = delete;

  // Of the final response, and before it of an interim one.
  ResponseHead& head() { return reader_.head(); }
  // What was handed to send_body() and has not left, for the backend's window or for the socket.
  std::size_t queued_bytes() const { return out_.size_bytes(); }
  bool is_closed() const { return is_closed_; }
  // The backend will send nothing more.
  bool is_response_ended() const { return is_response_ended_; }

 protected:
  H2ClientStream() = default;
  virtual ~H2ClientStream() = default;

 private:
  friend class H2Client;
  friend struct H2ClientCallbacks;
  // 100 to 199, never 101.
  virtual void on_interim() = 0;
  // The final head is complete. Its error: the stream has been reset, on_closed() follows.
  virtual void on_response(std::expected<BodyFraming, Error> framing) = 0;
  // In the slice that was fed. Counts against the windows until consume_*().
  virtual void on_body(base::Slice piece) = 0;
  // The response is complete: as long as its head said.
  virtual void on_response_end(const Headers& trailers) = 0;
  // Last. Whatever was still to be sent is not sent.
  virtual void on_closed(H2Close how) = 0;

  H2ResponseReader reader_;
  base::Chain out_;
  Headers trailers_out_;
  std::uint32_t num_interim_ = 0;
  std::int32_t id_ = 0;
  H2Code reset_code_ = H2Code::kNoError;  // ours
  bool is_closed_ = false;
  bool is_head_request_ = false;
  bool is_head_told_ = false;  // the final one, or what was wrong with it
  bool is_response_ended_ = false;
  bool is_deferred_ = false;   // nghttp2 waits to be told of more
  bool is_out_ended_ = false;  // nothing will be added to out_
  bool is_reset_by_us_ = false;
  bool is_reset_by_peer_ = false;
  bool is_drain_due_ = false;  // its queue ran empty
};

class H2ClientEvents {
 public:
  // The number of streams that may begin may have changed: the backend's SETTINGS have come.
  virtual void on_settings() = 0;
  // A GOAWAY has come: no stream may begin any more, those that it has left out are closed as unprocessed.
  virtual void on_goaway() = 0;
  virtual std::chrono::milliseconds now() const = 0;

 protected:
  ~H2ClientEvents() = default;
};

class H2Client {
 public:
  // `pool` outlives it. The preface and the SETTINGS are what collect() gives first.
  H2Client(H2ClientEvents& events, base::BufferPool& pool, const H2ClientLimits& limits);
  ~H2Client();
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // False when the backend does not speak HTTP/2, or there is no memory: nothing more can be said to it.
  bool feed(const base::Slice& bytes);
  // Appends what is to be written now, some `budget` bytes of it.
  void collect(base::Chain& out, std::size_t budget);
  // Nothing more will be read or written. Streams that are open are lost, and not told of it.
  bool is_over() const;
  // collect() has something to give, or will when a window opens.
  bool wants_write() const;
  // The backend has done too much of something that only costs; the connection ends.
  bool is_flooded() const { return is_flooded_; }
  // Streams whose queue has run empty since this was asked last; each is told of once.
  void take_drained(std::vector<H2ClientStream*>& out);

  // How many streams may be open at once now: of the limits and the backend's SETTINGS the smaller (before
  // they have come, RFC 9113 sets no limit: ours). 0 after a GOAWAY in either direction, or when the numbers
  // of streams are used up.
  std::uint32_t max_streams() const;
  std::uint32_t num_streams() const { return num_streams_; }
  // Of them what the backend allows.
  std::uint32_t peer_max_streams() const;
  // The backend's SETTINGS have come: it does speak HTTP/2.
  bool has_settings() const { return has_settings_; }

  // Begins a request. `head` without hop-by-hop fields; "Host" and its authority become ":authority";
  // `framing` as of H1 requests: with kNone the request ends with it, kLength says content-length. `scheme`:
  // "http" or "https". False when no stream may begin: nothing has happened, and on_closed() does not come.
  bool begin(H2ClientStream& stream, const RequestHead& head, std::string_view scheme, BodyFraming framing);
  void send_body(H2ClientStream& stream, base::Chain&& piece);
  // Ends the request.
  void send_end(H2ClientStream& stream, const Headers& trailers);
  // The first code stands; on_closed() comes when it has been written.
  void reset(H2ClientStream& stream, H2Code code);
  // The stream's owner goes: as reset(), but nothing is told to it any more, not even on_closed().
  void abandon(H2ClientStream& stream, H2Code code);
  // The windows open again by `bytes` of a body: of the connection at once, of a stream when its reader has
  // taken them.
  void consume_connection(std::size_t bytes);
  void consume_stream(H2ClientStream& stream, std::size_t bytes);

  // Says that we go; streams that are open end as if nothing had happened.
  void send_goaway();
  // At once, with an error.
  void terminate(H2Code code);

 private:
  friend struct H2ClientCallbacks;
  // Behind a HEADERS frame, 16 KB each: a head of 64 KB takes four.
  static constexpr int kMaxContinuations = 8;
  void submit_settings();
  void note_odd();
  void note_answer();
  void note_due(std::uint64_t num_answers);
  void calm_down();
  void note_drained(H2ClientStream& stream);
  bool is_waiting(const H2ClientStream& stream) const;
  // Nobody looks for the stream any more when nghttp2 has something of it.
  void let_go(H2ClientStream& stream, H2Code code);
  void forget(H2ClientStream& stream);
  void close(H2ClientStream& stream, H2Close how);
  void close_waiting();
  // For what is wrong with its response.
  void refuse(H2ClientStream& stream, Error error, H2Code code);

  H2ClientEvents& events_;
  base::BufferPool& pool_;
  H2ClientLimits limits_;
  nghttp2_session* session_ = nullptr;
  const base::Slice* input_ = nullptr;  // during feed()
  base::Chain* output_ = nullptr;       // during collect()
  std::size_t output_budget_ = 0;
  std::vector<H2Field> fields_;
  H2RequestText text_;
  std::vector<H2ClientStream*> drained_;
  std::vector<H2ClientStream*> waiting_;  // begun, and the head has not left
  std::vector<H2ClientStream*> ended_;    // reset while they waited, and not told yet
  // Frames that honest backends send a few of: SETTINGS, PRIORITY, GOAWAY, empty DATA, what is unknown or
  // wrong; and those below, where there was no reason.
  LeakyBudget odd_frames_{1000, 20};
  // Frames for which there is a reason: a WINDOW_UPDATE, or a PING that measures how fast we are, for what
  // was sent; something of a stream that we have given up.
  std::uint64_t num_answers_due_ = 0;
  std::uint32_t num_streams_ = 0;
  int num_continuations_ = 0;  // of this head
  bool is_flooded_ = false;
  bool has_settings_ = false;
  bool is_goaway_sent_ = false;
  bool is_ending_ = false;  // at once: nothing more is read
  bool has_failed_ = false;
};

}  // namespace ingress::http
