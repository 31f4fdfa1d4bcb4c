#include "http/h2_client.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "http/h2_client_callbacks.h"
#include "http/h2_nva.h"

namespace ingress::http {
namespace {

// As H2Server's.
constexpr std::size_t kMaxQueuedAcks = 2000;
constexpr std::size_t kMaxContinuationReads = 80;
// Reasons are not saved up beyond what may be on its way.
constexpr std::uint64_t kMaxAnswersDue = 16 * 1024;

const nghttp2_option* make_option() {
  nghttp2_option* option = nullptr;
  if (nghttp2_option_new(&option) != 0) return nullptr;
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_continuations(option, kMaxContinuationReads);
  nghttp2_option_set_max_outbound_ack(option, kMaxQueuedAcks);
  nghttp2_option_set_no_closed_streams(option, 1);
  // Request heads are limited where they are read.
  nghttp2_option_set_max_send_header_block_length(option, std::size_t{1} << 24);
  // Until its SETTINGS come begin() knows how many.
  nghttp2_option_set_peer_max_concurrent_streams(option, std::numeric_limits<std::uint32_t>::max());
  // So that they come to on_begin_frame(), which counts them.
  constexpr int kFirstUnknown = NGHTTP2_CONTINUATION + 1, kLast = 255;
  for (int type = kFirstUnknown; type <= kLast; ++type)
    nghttp2_option_set_user_recv_extension_type(option, static_cast<std::uint8_t>(type));
  return option;
}

}  // namespace

H2Client::H2Client(H2ClientEvents& events, base::BufferPool& pool, const H2ClientLimits& limits)
    : events_(events), pool_(pool), limits_(limits) {
  static const nghttp2_option* const option = make_option();  // both live as long as the process
  if (option == nullptr || H2ClientCallbacks::table() == nullptr) return;
  if (nghttp2_session_client_new2(&session_, H2ClientCallbacks::table(), this, option) != 0) return;
  submit_settings();
}

H2Client::~H2Client() {
  nghttp2_session_del(session_);
}

void H2Client::submit_settings() {
  const std::array<nghttp2_settings_entry, 4> settings = {{
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window_bytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head.head_bytes},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // RFC 9218 2.1.1
  }};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits_.connection_window_bytes));
}

bool H2Client::feed(const base::Slice& bytes) {
  if (session_ == nullptr || has_failed_) return false;
  if (is_ending_) return true;
  input_ = &bytes;
  const std::string_view text = bytes.view();
  const ssize_t taken =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  input_ = nullptr;
  if (taken == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) calm_down();
  if (taken >= 0 || is_ending_) return true;  // if only to say so
  if (taken == NGHTTP2_ERR_FLOODED) is_flooded_ = true;
  has_failed_ = true;
  return false;
}

void H2Client::collect(base::Chain& out, std::size_t budget) {
  if (session_ == nullptr) return;
  output_ = &out;
  output_budget_ = out.size_bytes() + budget;
  while (out.size_bytes() < output_budget_) {
    const std::uint8_t* bytes = nullptr;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out.append_copy(view(bytes, static_cast<std::size_t>(size)), pool_);
  }
  output_ = nullptr;
  while (!ended_.empty()) {
    H2ClientStream& stream = *ended_.front();
    close(stream, {.code = static_cast<std::uint32_t>(stream.reset_code_), .is_ours = true});
  }
  // Nothing will make room for those that still wait.
  if (is_over() && !is_ending_) close_waiting();
}

bool H2Client::is_over() const {
  return !wants_write() && (session_ == nullptr || nghttp2_session_want_read(session_) == 0);
}

bool H2Client::wants_write() const {
  return !ended_.empty() || (session_ != nullptr && nghttp2_session_want_write(session_) != 0);
}

std::uint32_t H2Client::max_streams() const {
  const bool is_closing = session_ == nullptr || is_goaway_sent_ || is_ending_ || has_failed_;
  if (is_closing || nghttp2_session_check_request_allowed(session_) == 0) return 0;
  if (!has_settings_) return limits_.max_streams;
  return std::min(limits_.max_streams, peer_max_streams());
}

std::uint32_t H2Client::peer_max_streams() const {
  return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool H2Client::begin(H2ClientStream& stream, const RequestHead& head, std::string_view scheme,
                     BodyFraming framing) {
  if (num_streams_ >= max_streams()) return false;
  list_request_fields(fields_, text_, head, scheme, framing);
  const auto& nva = to_nva(fields_);
  const bool has_body =
      framing.kind == BodyKind::kChunked || (framing.kind == BodyKind::kLength && framing.length > 0);
  // Its stream is found by its number each time: the owner may go before nghttp2 knows.
  const nghttp2_data_provider provider{.source = {}, .read_callback = H2ClientCallbacks::read_data};
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, nva.data(), nva.size(),
                                                 has_body ? &provider : nullptr, &stream);
  if (id < 0) return false;
  ++num_streams_;
  stream.id_ = id;
  stream.is_out_ended_ = !has_body;
  stream.is_head_request_ = head.method() == "HEAD";
  stream.reader_.begin(limits_.head);
  waiting_.push_back(&stream);
  return true;
}

void H2Client::send_body(H2ClientStream& stream, base::Chain&& piece) {
  if (stream.is_closed_ || stream.is_out_ended_ || piece.is_empty()) return piece.clear();
  stream.out_.append(std::move(piece));
  if (std::exchange(stream.is_deferred_, false)) nghttp2_session_resume_data(session_, stream.id_);
}

void H2Client::send_end(H2ClientStream& stream, const Headers& trailers) {
  if (stream.is_closed_ || std::exchange(stream.is_out_ended_, true)) return;
  if (!trailers.is_empty()) stream.trailers_out_.assign(trailers);
  if (std::exchange(stream.is_deferred_, false)) nghttp2_session_resume_data(session_, stream.id_);
}

void H2Client::reset(H2ClientStream& stream, H2Code code) {
  if (stream.is_closed_ || std::exchange(stream.is_reset_by_us_, true)) return;
  stream.reset_code_ = code;
  if (!is_waiting(stream)) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<std::uint32_t>(code));
    return;
  }
  // The backend has not heard of it, and nghttp2 may keep it for long when it waits for its turn.
  let_go(stream, code);
  std::erase(waiting_, &stream);
  ended_.push_back(&stream);
}

void H2Client::abandon(H2ClientStream& stream, H2Code code) {
  if (stream.is_closed_) return;
  // Twice would be a reset of a stream that has not begun, where it waited.
  if (!stream.is_reset_by_us_) let_go(stream, code);
  nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  forget(stream);
  stream.is_closed_ = true;
  stream.out_.clear();
}

void H2Client::consume_connection(std::size_t bytes) {
  if (bytes > 0) nghttp2_session_consume_connection(session_, bytes);
}

void H2Client::consume_stream(H2ClientStream& stream, std::size_t bytes) {
  if (bytes > 0 && !stream.is_closed_) nghttp2_session_consume_stream(session_, stream.id_, bytes);
}

void H2Client::send_goaway() {
  if (session_ == nullptr || is_ending_ || std::exchange(is_goaway_sent_, true)) return;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
}

void H2Client::terminate(H2Code code) {
  if (session_ == nullptr || std::exchange(is_ending_, true)) return;
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
}

void H2Client::take_drained(std::vector<H2ClientStream*>& out) {
  out.swap(drained_);
  drained_.clear();
  for (H2ClientStream* stream : out) stream->is_drain_due_ = false;
}

void H2Client::note_drained(H2ClientStream& stream) {
  if (std::exchange(stream.is_drain_due_, true)) return;
  drained_.push_back(&stream);
}

bool H2Client::is_waiting(const H2ClientStream& stream) const {
  return std::find(waiting_.begin(), waiting_.end(), &stream) != waiting_.end();
}

void H2Client::let_go(H2ClientStream& stream, H2Code code) {
  nghttp2_session_set_stream_user_data(session_, stream.id_, nullptr);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id_, static_cast<std::uint32_t>(code));
}

void H2Client::forget(H2ClientStream& stream) {
  --num_streams_;
  std::erase(drained_, &stream);
  std::erase(waiting_, &stream);
  std::erase(ended_, &stream);
}

void H2Client::close(H2ClientStream& stream, H2Close how) {
  forget(stream);
  stream.is_closed_ = true;
  stream.out_.clear();
  stream.on_closed(how);
}

void H2Client::close_waiting() {
  while (!waiting_.empty()) {
    H2ClientStream& stream = *waiting_.front();
    let_go(stream, H2Code::kRefusedStream);
    close(stream, {.code = static_cast<std::uint32_t>(H2Code::kRefusedStream), .is_unprocessed = true});
  }
}

void H2Client::refuse(H2ClientStream& stream, Error error, H2Code code) {
  reset(stream, code);
  if (std::exchange(stream.is_head_told_, true)) return;
  stream.on_response(std::unexpected(std::move(error)));
}

void H2Client::note_odd() {
  if (!odd_frames_.spend(events_.now())) calm_down();
}

void H2Client::note_answer() {
  if (num_answers_due_ == 0) return note_odd();
  --num_answers_due_;
}

void H2Client::note_due(std::uint64_t num_answers) {
  num_answers_due_ = std::min(num_answers_due_ + num_answers, kMaxAnswersDue);
}

void H2Client::calm_down() {
  if (std::exchange(is_flooded_, true)) return;
  terminate(H2Code::kEnhanceYourCalm);
}

}  // namespace ingress::http
