#include "http/h2_callbacks.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ingress::http {
namespace {

// Below that, a body's bytes are copied behind the header of their frame: cheaper than a piece of their own.
constexpr std::size_t kCopiedBytes = 1024;

}  // namespace

H2Server& H2Callbacks::server(void* user) {
  return *static_cast<H2Server*>(user);
}
H2ServerStream* H2Callbacks::stream_of(nghttp2_session* session, std::int32_t id) {
  return static_cast<H2ServerStream*>(nghttp2_session_get_stream_user_data(session, id));
}
bool H2Callbacks::is_request(const nghttp2_frame& frame) {
  return frame.hd.type == NGHTTP2_HEADERS && frame.headers.cat == NGHTTP2_HCAT_REQUEST;
}

// Sees every frame, also those that nghttp2 passes over.
int H2Callbacks::on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* frame, void* user) {
  H2Server& self = server(user);
  const std::int32_t id = frame->stream_id;
  // nghttp2 has refused the one before by itself; its client may not know yet.
  if (self.begun_id_ != 0) self.ids_.close_early(std::exchange(self.begun_id_, 0));
  const bool is_gone = id % 2 == 1 && nghttp2_session_find_stream(session, id) == nullptr;
  using Meaning = StreamIds::Meaning;
  const Meaning meaning = is_gone ? self.ids_.judge(id) : Meaning::kNew;
  switch (frame->type) {
    case NGHTTP2_HEADERS:
      self.num_continuations_ = 0;
      if (is_gone && meaning == Meaning::kNew) {
        self.ids_.open(id);
        self.begun_id_ = id;
        if (self.is_goaway_sent_) self.note_odd();
      }
      // nghttp2 reads such a head for its table and says nothing.
      if (meaning == Meaning::kSkipped) self.terminate(H2Code::kProtocolError);
      if (meaning == Meaning::kClosed) self.terminate(H2Code::kStreamClosed);
      [[fallthrough]];
    case NGHTTP2_RST_STREAM:  // of one that is open: counted where it closes
      if (meaning != Meaning::kNew) self.note_odd();
      break;
    case NGHTTP2_DATA:  // nghttp2 tells nobody of what is for a stream that is gone
      break;
    case NGHTTP2_WINDOW_UPDATE:
    case NGHTTP2_PING:  // some measure the way with one for what they receive
      self.note_answer();
      break;
    case NGHTTP2_CONTINUATION:  // CVE-2024-27316
      if (++self.num_continuations_ > H2Server::kMaxContinuations) self.calm_down();
      break;
    case NGHTTP2_PRIORITY:
      if (id == 0) self.terminate(H2Code::kProtocolError);  // RFC 9113 6.3
      self.note_odd();
      break;
    default:
      self.note_odd();
      break;
  }
  return 0;
}

int H2Callbacks::on_unknown_bytes(nghttp2_session*, const nghttp2_frame_hd*, const std::uint8_t*, std::size_t,
                                  void*) {
  return NGHTTP2_ERR_CANCEL;
}
int H2Callbacks::on_unknown(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
  return NGHTTP2_ERR_CANCEL;
}

int H2Callbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  H2Server& self = server(user);
  self.is_in_head_ = true;
  self.begun_id_ = 0;
  self.read_stream_ = nullptr;
  if (!is_request(*frame)) {
    self.read_stream_ = stream_of(session, frame->hd.stream_id);
    return 0;
  }
  H2ServerStream* const stream = self.is_goaway_sent_ ? nullptr : self.events_.on_stream();
  if (stream == nullptr) {
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
  }
  stream->begin(frame->hd.stream_id, self.limits_.head);
  self.read_stream_ = stream;
  nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
  return 0;
}

int H2Callbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                           nghttp2_rcbuf* value, std::uint8_t, void* user) {
  H2Server& self = server(user);
  H2ServerStream* const stream = self.read_stream_;
  if (stream == nullptr) return 0;
  const H2ReadField field = self.field_cache_.find(name, value);
  using Taken = H2RequestReader::Taken;
  const Taken taken = is_request(*frame) ? stream->reader_.add(field) : stream->reader_.add_trailer(field);
  if (taken == Taken::kYes) return 0;
  if (taken == Taken::kMalformed) {
    self.refuse(*stream);
  } else if (!std::exchange(stream->is_refused_, true)) {
    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_ENHANCE_YOUR_CALM);
  }
  self.is_in_head_ = false;
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // nothing behind it is told
}

int H2Callbacks::on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  H2Server& self = server(user);
  const bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
  const bool is_end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool is_head = frame->hd.type == NGHTTP2_HEADERS;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
      self.is_in_head_ = false;
      break;
    case NGHTTP2_DATA:
      if (frame->hd.length == frame->data.padlen && !is_end) self.note_odd();  // brings nothing
      if (!is_end) return 0;
      break;
    case NGHTTP2_PING:
      if (is_ack) self.events_.on_ping_ack();
      return 0;
    default:
      return 0;
  }
  H2ServerStream* const stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (is_request(*frame)) {
    take_request(self, *stream, is_end);
  } else if (is_head && !is_end) {
    self.refuse(*stream);  // trailers end a request (RFC 9113 8.1)
  }
  if (!is_end || stream->is_closed_ || stream->is_refused_) return 0;
  // RFC 9113 8.1.1: the length was not true.
  const bool is_whole = stream->promised_bytes_ == 0 || stream->promised_bytes_ == H2ServerStream::kNoLength;
  if (!is_whole) {
    self.refuse(*stream);
    return 0;
  }
  stream->is_request_ended_ = true;
  stream->on_request_end(stream->reader_.trailers());
  return 0;
}

void H2Callbacks::take_request(H2Server& self, H2ServerStream& stream, bool is_end) {
  auto framing = stream.reader_.finish(self.limits_.paths, is_end);
  if (!framing && framing.error().what == std::string_view("malformed")) return self.refuse(stream);
  if (const auto priority = stream.reader_.priority()) set_priority(self, stream, *priority);
  // Such heads take time to read, and a client that goes on with them wants just that.
  if (!framing && framing.error().code == ErrorCode::kHeadTooLarge) self.note_early_end();
  if (framing && framing->kind == BodyKind::kLength) stream.promised_bytes_ = framing->length;
  stream.on_request(std::move(framing));
}

void H2Callbacks::set_priority(H2Server& self, const H2ServerStream& stream, H2Priority priority) {
  const nghttp2_extpri wanted{.urgency = priority.urgency, .inc = priority.is_incremental ? 1 : 0};
  nghttp2_session_change_extpri_stream_priority(self.session_, stream.id_, &wanted, 0);
}

int H2Callbacks::on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
  server(user).is_in_head_ = false;
  server(user).note_odd();
  return 0;
}

int H2Callbacks::on_data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                         std::size_t size, void* user) {
  H2Server& self = server(user);
  H2ServerStream* const stream = stream_of(session, id);
  if (stream != nullptr && stream->promised_bytes_ != H2ServerStream::kNoLength) {
    if (size > stream->promised_bytes_) {
      self.refuse(*stream);
    } else {
      stream->promised_bytes_ -= size;
    }
  }
  if (stream == nullptr || stream->is_closed_ || stream->is_refused_) {
    return nghttp2_session_consume(session, id, size) == 0 ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  const auto offset = static_cast<std::size_t>(reinterpret_cast<const char*>(data) - self.input_->data());
  stream->on_body(self.input_->sub(offset, size));
  return 0;
}

int H2Callbacks::on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t, void* user) {
  H2Server& self = server(user);
  H2ServerStream* const stream = stream_of(session, id);
  if (stream == nullptr || !stream->is_request_ended_) self.ids_.close_early(id);
  if (stream == nullptr) {
    self.note_odd();  // refused
    return 0;
  }
  if (!stream->is_end_sent_ && !stream->is_reset_by_us_) self.note_early_end();
  stream->is_closed_ = true;
  if (self.read_stream_ == stream) self.read_stream_ = nullptr;
  stream->out_.clear();
  std::erase(self.drained_, stream);
  stream->on_closed();
  return 0;
}

// How much of a body goes into the next frame; send_data() moves it.
ssize_t H2Callbacks::read_data(nghttp2_session* session, std::int32_t id, std::uint8_t*, std::size_t max,
                               std::uint32_t* flags, nghttp2_data_source* source, void* user) {
  auto& stream = *static_cast<H2ServerStream*>(source->ptr);
  if (stream.out_.is_empty() && !stream.is_out_ended_) {
    stream.is_deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  const std::size_t size = std::min(max, stream.out_.size_bytes());
  if (size < stream.out_.size_bytes() || !stream.is_out_ended_) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (stream.trailers_out_.is_empty()) return static_cast<ssize_t>(size);
  H2Server& self = server(user);
  list_trailer_fields(self.fields_, self.head_text_, stream.trailers_out_);
  const auto& nva = to_nva(self.fields_, kKeptFields);
  if (nva.empty()) return static_cast<ssize_t>(size);
  *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  if (nghttp2_submit_trailer(session, id, nva.data(), nva.size()) != 0)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  return static_cast<ssize_t>(size);
}

int H2Callbacks::send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* frame_head, std::size_t size,
                           nghttp2_data_source* source, void* user) {
  constexpr std::size_t kFrameHeadBytes = 9;
  H2Server& self = server(user);
  if (self.output_->size_bytes() >= self.output_budget_) return NGHTTP2_ERR_WOULDBLOCK;
  auto& stream = *static_cast<H2ServerStream*>(source->ptr);
  self.output_->append_copy(view(frame_head, kFrameHeadBytes), self.pool_);
  if (size > 0 && size <= kCopiedBytes) {
    std::array<iovec, 16> parts;
    std::size_t left = size;
    const std::size_t num_parts = stream.out_.to_iovecs(parts.data(), parts.size());
    for (std::size_t i = 0; i < num_parts && left > 0; ++i) {
      const std::size_t part = std::min(left, parts[i].iov_len);
      self.output_->append_copy({static_cast<const char*>(parts[i].iov_base), part}, self.pool_);
      left -= part;
    }
    stream.out_.drop_front(size - left);
    stream.out_.move_front(left, *self.output_);
  } else {
    stream.out_.move_front(size, *self.output_);
  }
  stream.sent_bytes_ += size;
  // The client will open the windows of the stream and of the connection, for each 4 KB or so. A frame that
  // is small because its window was gives no reason: that is how a client makes many of one answer
  // (CVE-2019-9511).
  constexpr std::size_t kSmallFrame = 1024;
  const bool is_dribble = size < kSmallFrame && !stream.out_.is_empty();
  if (!is_dribble) self.note_due(3 + size / 2048);
  if (stream.out_.is_empty()) self.note_drained(stream);
  return 0;
}

// Nobody else hears of it.
int H2Callbacks::on_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user) {
  H2ServerStream* const stream = stream_of(session, frame->hd.stream_id);
  if (frame->hd.type == NGHTTP2_HEADERS && stream != nullptr)
    server(user).reset(*stream, H2Code::kInternalError);
  return 0;
}

int H2Callbacks::on_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  constexpr std::int32_t kNotice = 0x7fff'ffff;
  if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.last_stream_id == kNotice) {
    server(user).events_.on_goaway_announced();
    // Behind it: its answer says that the client has read the notice.
    return nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, nullptr);
  }
  const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (!may_end || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  H2ServerStream* const stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->is_end_sent_ = true;
  server(user).note_due(2);
  if (stream->is_request_ended_ || stream->is_two_way_) return 0;
  return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
}

const nghttp2_session_callbacks* H2Callbacks::table() {
  static const nghttp2_session_callbacks* const made = [] {
    nghttp2_session_callbacks* callbacks = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) return callbacks;
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(callbacks, on_unknown_bytes);
    nghttp2_session_callbacks_set_unpack_extension_callback(callbacks, on_unknown);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_not_sent);
    return callbacks;
  }();
  return made;
}

}  // namespace ingress::http
