#include "http/h2_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http/h2_callbacks.h"

namespace ingress::http {
namespace {

// Answers to PING and SETTINGS that wait to be written: all that the budget for odd frames lets in, since
// nghttp2 leaves without a word.
constexpr std::size_t kMaxQueuedAcks = 2000;
constexpr std::size_t kMaxContinuationReads = 80;
// Reasons are not saved up beyond what may be on its way.
constexpr std::uint64_t kMaxAnswersDue = 16 * 1024;

const nghttp2_option* make_option() {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(option, 1);
  // What RFC 9113 8 asks of fields, lengths and trailers is asked by H2RequestReader and H2Callbacks, once
  // for fields that come again and again.
  nghttp2_option_set_no_http_messaging(option, 1);
  // Counted by on_begin_frame(), which is not told of those that belong to a head that is skipped. nghttp2
  // counts these too, but reads of their heads, not frames: in the worst case one for each of nine bytes.
  nghttp2_option_set_max_continuations(option, kMaxContinuationReads);
  nghttp2_option_set_max_outbound_ack(option, kMaxQueuedAcks);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Response heads are limited where they are read.
  nghttp2_option_set_max_send_header_block_length(option, std::size_t{1} << 24);
  // So that they come to on_begin_frame(), which counts them.
  constexpr int kFirstUnknown = NGHTTP2_CONTINUATION + 1, kLast = 255;
  for (int type = kFirstUnknown; type <= kLast; ++type)
    nghttp2_option_set_user_recv_extension_type(option, static_cast<std::uint8_t>(type));
  // Ours is tighter and counts what we reset as well; this one would answer with INTERNAL_ERROR.
  nghttp2_option_set_stream_reset_rate_limit(option, 100'000, 100'000);
  return option;
}

}  // namespace

void H2ServerStream::begin(std::int32_t id, HeadLimits limits) {
  reader_.begin(limits);
  out_.clear();
  trailers_out_.clear();
  sent_bytes_ = 0;
  promised_bytes_ = kNoLength;
  id_ = id;
  is_closed_ = is_request_ended_ = is_deferred_ = is_out_ended_ = is_end_sent_ = false;
  is_reset_by_us_ = is_drain_due_ = is_refused_ = is_two_way_ = false;
}

H2Server::H2Server(H2ServerEvents& events, base::BufferPool& pool, const H2Limits& limits)
    : events_(events), pool_(pool), limits_(limits) {
  static const nghttp2_option* const option = make_option();  // both live as long as the process
  if (option == nullptr || H2Callbacks::table() == nullptr) return;
  if (nghttp2_session_server_new2(&session_, H2Callbacks::table(), this, option) != 0) return;
  submit_settings();
}

H2Server::~H2Server() {
  nghttp2_session_del(session_);
}

void H2Server::submit_settings() {
  const std::array<nghttp2_settings_entry, 5> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.max_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head.head_bytes},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},  // RFC 8441 3
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},    // RFC 9218 2.1.1: no tree of them is kept
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits_.connection_window_bytes));
}

bool H2Server::feed(const base::Slice& bytes) {
  if (session_ == nullptr) return false;
  input_ = &bytes;
  const std::string_view text = bytes.view();
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  input_ = nullptr;
  if (taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
    calm_down();
    return true;  // to say so
  }
  if (taken == NGHTTP2_ERR_FLOODED) is_flooded_ = true;
  return taken >= 0;
}

void H2Server::collect(base::Chain& out, std::size_t budget) {
  if (session_ == nullptr) return;
  output_ = &out;
  output_budget_ = out.size_bytes() + budget;
  bool is_all = false;
  while (out.size_bytes() < output_budget_) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    is_all = size <= 0;
    if (is_all) break;
    out.append_copy(view(bytes, static_cast<std::size_t>(size)), pool_);
  }
  output_ = nullptr;
  // No head waits, nor is the last one still in nghttp2's hands; DATA may.
  if (is_all && nghttp2_session_get_outbound_queue_size(session_) == 0) head_text_.reset();
}

bool H2Server::is_over() const {
  return !wants_write() && (session_ == nullptr || nghttp2_session_want_read(session_) == 0);
}

bool H2Server::wants_write() const {
  return session_ != nullptr && nghttp2_session_want_write(session_) != 0;
}

void H2Server::note_drained(H2ServerStream& stream) {
  if (std::exchange(stream.is_drain_due_, true)) return;
  drained_.push_back(&stream);
}

void H2Server::take_drained(std::vector<H2ServerStream*>& out) {
  out.swap(drained_);
  drained_.clear();
  for (H2ServerStream* stream : out) stream->is_drain_due_ = false;
}

void H2Server::send_interim(H2ServerStream& stream, const ResponseHead& head) {
  if (stream.is_closed_) return;
  list_response_fields(fields_, head_text_, head, {});
  const auto& nva = to_nva(fields_, kKeptFields);
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream.id_, nullptr, nva.data(), nva.size(), nullptr);
}

void H2Server::send_head(H2ServerStream& stream, const ResponseHead& head, BodyFraming framing,
                         std::int64_t kept_length) {
  if (stream.is_closed_) return;
  list_response_fields(fields_, head_text_, head, framing, kept_length);
  const auto& nva = to_nva(fields_, kKeptFields);
  const bool has_body =
      framing.kind == BodyKind::kChunked || (framing.kind == BodyKind::kLength && framing.length > 0);
  nghttp2_data_provider provider{.source = {.ptr = &stream}, .read_callback = H2Callbacks::read_data};
  nghttp2_submit_response(session_, stream.id_, nva.data(), nva.size(), has_body ? &provider : nullptr);
}

void H2Server::send_body(H2ServerStream& stream, base::Chain&& piece) {
  if (stream.is_closed_ || piece.is_empty()) return piece.clear();
  stream.out_.append(std::move(piece));
  if (std::exchange(stream.is_deferred_, false)) nghttp2_session_resume_data(session_, stream.id_);
}

void H2Server::send_end(H2ServerStream& stream, const Headers& trailers) {
  if (stream.is_closed_ || stream.is_out_ended_) return;
  stream.is_out_ended_ = true;
  if (!trailers.is_empty()) stream.trailers_out_.assign(trailers);
  if (std::exchange(stream.is_deferred_, false)) nghttp2_session_resume_data(session_, stream.id_);
}

void H2Server::reset(H2ServerStream& stream, H2Code code) {
  if (stream.is_closed_ || std::exchange(stream.is_reset_by_us_, true)) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<std::uint32_t>(code));
}

void H2Server::consume_connection(std::size_t bytes) {
  if (bytes > 0) nghttp2_session_consume_connection(session_, bytes);
}

void H2Server::consume_stream(H2ServerStream& stream, std::size_t bytes) {
  if (bytes > 0 && !stream.is_closed_) nghttp2_session_consume_stream(session_, stream.id_, bytes);
}

void H2Server::announce_goaway() {
  nghttp2_submit_shutdown_notice(session_);  // on_sent() asks for the PING
}

void H2Server::send_goaway() {
  is_goaway_sent_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2Server::terminate(H2Code code) {
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
}

void H2Server::refuse(H2ServerStream& stream) {
  note_odd();
  if (stream.is_closed_ || std::exchange(stream.is_refused_, true)) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_PROTOCOL_ERROR);
}

void H2Server::note_odd() {
  if (!odd_frames_.spend(events_.now())) calm_down();
}

void H2Server::note_answer() {
  if (num_answers_due_ == 0) return note_odd();
  --num_answers_due_;
}

void H2Server::note_due(std::uint64_t num_answers) {
  num_answers_due_ = std::min(num_answers_due_ + num_answers, kMaxAnswersDue);
}

void H2Server::note_early_end() {
  if (!early_ends_.spend(events_.now())) calm_down();
}

void H2Server::calm_down() {
  if (std::exchange(is_flooded_, true)) return;
  terminate(H2Code::kEnhanceYourCalm);
}

}  // namespace ingress::http
