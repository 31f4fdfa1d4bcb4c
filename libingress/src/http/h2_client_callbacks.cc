#include "http/h2_client_callbacks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "http/h2_nva.h"

namespace ingress::http {
namespace {

// As of H2Server's bodies.
constexpr std::size_t kCopiedBytes = 1024;

Error bad_response(const char* what) {
  return {.code = ErrorCode::kBadResponse, .side = ErrorSide::kUpstream, .what = what};
}

// Copied or moved, what is cheaper.
void move_body(base::Chain& from, std::size_t size, base::Chain& to, base::BufferPool& pool) {
  if (size > kCopiedBytes) return from.move_front(size, to);
  std::array<iovec, 16> parts;
  std::size_t left = size;
  const std::size_t num_parts = from.to_iovecs(parts.data(), parts.size());
  for (std::size_t i = 0; i < num_parts && left > 0; ++i) {
    const std::size_t part = std::min(left, parts[i].iov_len);
    to.append_copy({static_cast<const char*>(parts[i].iov_base), part}, pool);
    left -= part;
  }
  from.drop_front(size - left);
  from.move_front(left, to);
}

}  // namespace

H2Client& H2ClientCallbacks::client(void* user) {
  return *static_cast<H2Client*>(user);
}

H2ClientStream* H2ClientCallbacks::stream_of(nghttp2_session* session, std::int32_t id) {
  return static_cast<H2ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
}

bool H2ClientCallbacks::is_given_up(const H2ClientStream* stream) {
  return stream == nullptr || stream->is_reset_by_us_;
}

// After terminate() nothing of what was fed is looked at. Writing goes on: there is a GOAWAY to be sent.
int H2ClientCallbacks::go_on(const H2Client& self) {
  return self.is_ending_ && self.input_ != nullptr ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

// Sees every frame, also those that nghttp2 passes over, but for DATA where none may be.
int H2ClientCallbacks::on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
  H2Client& self = client(user);
  const std::int32_t id = frame->stream_id;
  switch (frame->type) {
    case NGHTTP2_HEADERS:
      self.num_continuations_ = 0;
      [[fallthrough]];
    case NGHTTP2_RST_STREAM:
      if (is_given_up(stream_of(session, id))) self.note_answer();
      break;
    case NGHTTP2_DATA: {
      // Behind an interim head: nghttp2 would reset the stream without a word. Before any it ends the
      // connection.
      H2ClientStream* const stream = stream_of(session, id);
      if (!is_given_up(stream) && !stream->is_head_told_)
        self.refuse(*stream, bad_response("malformed"), H2Code::kProtocolError);
      break;
    }
    case NGHTTP2_PING:
      (frame->flags & NGHTTP2_FLAG_ACK) != 0 ? self.note_odd() : self.note_answer();
      break;
    case NGHTTP2_WINDOW_UPDATE:
      self.note_answer();
      break;
    case NGHTTP2_PUSH_PROMISE:  // RFC 9113 8.4: we have said so before any request
      self.terminate(H2Code::kProtocolError);
      break;
    case NGHTTP2_CONTINUATION:  // CVE-2024-27316
      if (++self.num_continuations_ > H2Client::kMaxContinuations) self.calm_down();
      break;
    case NGHTTP2_PRIORITY:
      if (id == 0) self.terminate(H2Code::kProtocolError);  // RFC 9113 6.3
      self.note_odd();
      break;
    default:
      self.note_odd();
      break;
  }
  return go_on(self);
}

int H2ClientCallbacks::on_unknown_bytes(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t*,
                                        std::size_t, void*) {
  return NGHTTP2_ERR_CANCEL;
}
int H2ClientCallbacks::on_unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
  return NGHTTP2_ERR_CANCEL;
}

int H2ClientCallbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  // Behind an interim head.
  if (stream != nullptr && !stream->is_head_told_ && stream->num_interim_ > 0) stream->reader_.clear();
  return 0;
}

int H2ClientCallbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame,
                                 const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                                 std::size_t value_size, std::uint8_t, void* user) {
  H2Client& self = client(user);
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  H2ResponseReader& reader = stream->reader_;
  const bool is_taken = stream->is_head_told_
                            ? reader.add_trailer(view(name, name_size), view(value, value_size))
                            : reader.add(view(name, name_size), view(value, value_size));
  if (is_taken) return 0;
  auto framing = reader.finish(false, false);
  self.refuse(*stream, framing ? bad_response("trailers_too_large") : std::move(framing.error()),
              H2Code::kEnhanceYourCalm);
  if (self.is_ending_) return go_on(self);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // fields behind it are neither checked nor told
}

// A response with one malformed field is malformed (RFC 9113 8.1.1).
int H2ClientCallbacks::on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*,
                                         std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int H2ClientCallbacks::on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  H2Client& self = client(user);
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      if (stream != nullptr && !stream->is_head_told_) take_head(self, *stream, is_end);
      if (is_end) end_response(session, frame->hd.stream_id);
      break;
    case NGHTTP2_DATA:
      if (frame->hd.length == frame->data.padlen && !is_end) self.note_odd();  // brings nothing
      if (is_end) end_response(session, frame->hd.stream_id);
      break;
    case NGHTTP2_RST_STREAM:
      if (stream != nullptr) stream->is_reset_by_peer_ = true;
      break;
    case NGHTTP2_SETTINGS:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) break;
      self.has_settings_ = true;
      self.events_.on_settings();
      break;
    case NGHTTP2_GOAWAY:
      self.events_.on_goaway();
      self.close_waiting();
      break;
    default:
      break;
  }
  return go_on(self);
}

// Its owner may be gone behind each event.
void H2ClientCallbacks::take_head(H2Client& self, H2ClientStream& stream, bool is_end) {
  auto framing = stream.reader_.finish(is_end, stream.is_head_request_);
  if (!framing) return self.refuse(stream, std::move(framing.error()), H2Code::kProtocolError);
  if (stream.reader_.head().status() >= 200) {
    stream.is_head_told_ = true;
    return stream.on_response(std::move(framing));
  }
  if (++stream.num_interim_ > self.limits_.max_interim_responses)
    return self.refuse(stream, bad_response("too_many_interim"), H2Code::kEnhanceYourCalm);
  stream.on_interim();
}

void H2ClientCallbacks::end_response(nghttp2_session* session, std::int32_t id) {
  H2ClientStream* const stream = stream_of(session, id);
  if (is_given_up(stream)) return;
  stream->is_response_ended_ = true;
  stream->on_response_end(stream->reader_.trailers());
}

// nghttp2 has reset the stream, or ends the connection.
int H2ClientCallbacks::on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int,
                                        void* user) {
  H2Client& self = client(user);
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  // Of a stream: it takes a request of ours to send another.
  if (stream == nullptr) self.note_odd();
  if (frame->hd.type == NGHTTP2_HEADERS && !is_given_up(stream))
    self.refuse(*stream, bad_response("malformed"), H2Code::kProtocolError);
  return go_on(self);
}

int H2ClientCallbacks::on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                               const std::uint8_t* data, std::size_t size, void* user) {
  H2Client& self = client(user);
  H2ClientStream* const stream = stream_of(session, id);
  if (is_given_up(stream))
    return nghttp2_session_consume(session, id, size) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  const auto offset = static_cast<std::size_t>(reinterpret_cast<const char*>(data) - self.input_->data());
  stream->on_body(self.input_->sub(offset, size));
  return go_on(self);
}

int H2ClientCallbacks::on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t code,
                                       void* user) {
  H2Client& self = client(user);
  H2ClientStream* const stream = stream_of(session, id);
  if (stream == nullptr) return 0;
  H2Close how{.code = code};
  if (stream->is_reset_by_us_) {
    how = {.code = static_cast<std::uint32_t>(stream->reset_code_), .is_ours = true};
  } else if (code == NGHTTP2_NO_ERROR && !stream->is_response_ended_) {
    how.code = NGHTTP2_PROTOCOL_ERROR;
  } else if (code == NGHTTP2_REFUSED_STREAM) {
    how.is_unprocessed = !stream->is_head_told_ && stream->num_interim_ == 0;
  } else {
    how.is_ours = code != NGHTTP2_NO_ERROR && !stream->is_reset_by_peer_;
  }
  self.close(*stream, how);
  return go_on(self);
}

// How much of a body goes into the next frame; send_data() moves it.
ssize_t H2ClientCallbacks::read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*,
                                     std::size_t max, std::uint32_t* flags, nghttp2_data_source*,
                                     void* user) {
  H2ClientStream* const stream = stream_of(session, id);
  if (is_given_up(stream)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  if (stream->out_.is_empty() && !stream->is_out_ended_) {
    stream->is_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  const std::size_t size = std::min(max, stream->out_.size_bytes());
  if (size < stream->out_.size_bytes() || !stream->is_out_ended_) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream->trailers_out_.is_empty()) return static_cast<ssize_t>(size);
  H2Client& self = client(user);
  list_request_trailers(self.fields_, stream->trailers_out_);
  const auto& nva = to_nva(self.fields_);
  if (nva.empty()) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  if (nghttp2_submit_trailer(session, id, nva.data(), nva.size()) != 0)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return static_cast<ssize_t>(size);
}

int H2ClientCallbacks::send_data(nghttp2_session* session, nghttp2_frame* frame,
                                 const std::uint8_t* frame_head, std::size_t size, nghttp2_data_source*,
                                 void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  H2Client& self = client(user);
  if (self.output_->size_bytes() >= self.output_budget_) return NGHTTP2_ERR_WOULDBLOCK;
  // It may have been given up since read_data().
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  if (is_given_up(stream)) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  self.output_->append_copy(view(frame_head, kFrameHeadBytes), self.pool_);
  move_body(stream->out_, size, *self.output_, self.pool_);
  // See H2Callbacks::send_data(); one more, since some measure the way with a PING for what they receive.
  constexpr std::size_t kSmallFrame = 1024;
  const bool is_dribble = size < kSmallFrame && !stream->out_.is_empty();
  if (!is_dribble) self.note_due(3 + size / 2048);
  if (size > 0 && stream->out_.is_empty()) self.note_drained(*stream);
  return 0;
}

// Of a request: nghttp2 closes its stream. Of trailers: nobody else hears of it.
int H2ClientCallbacks::on_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user) {
  H2ClientStream* const stream = stream_of(session, frame->hd.stream_id);
  if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat != NGHTTP2_HCAT_REQUEST && stream != nullptr)
    client(user).reset(*stream, H2Code::kInternalError);
  return 0;
}

// It may leave in this call; that it has left is told in a later one.
int H2ClientCallbacks::on_before_send(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  H2Client& self = client(user);
  std::erase(self.waiting_, stream_of(session, frame->hd.stream_id));
  // A WINDOW_UPDATE and a PING, and what is on its way when we give it up: a head, trailers.
  self.note_due(4);
  return 0;
}

// What is no HTTP/2 at all.
int H2ClientCallbacks::on_error(nghttp2_session*, int error, const char*, std::size_t, void*) {
  return error == NGHTTP2_ERR_SETTINGS_EXPECTED ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

const nghttp2_session_callbacks* H2ClientCallbacks::table() {
  static const nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) return callbacks;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, on_unknown_bytes);
    nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, on_unknown);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_before_frame_send_callback(callbacks, on_before_send);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
    return callbacks;
  }();
  return made;
}

}  // namespace ingress::http
