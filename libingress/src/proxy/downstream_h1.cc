#include "proxy/downstream_h1.h"

#include <algorithm>
#include <utility>

#include "http/h1_writer.h"
#include "proxy/listener_state.h"
#include "proxy/parse_options.h"
#include "proxy/request_checks.h"

namespace ingress::proxy {

DownstreamH1::DownstreamH1(DownstreamHost& host, ListenerState& listener, net::TransportPtr transport)
    : DownstreamConnection(listener),
      host_(host),
      transport_(std::move(transport)),
      read_timer_([](void* self) { static_cast<DownstreamH1*>(self)->on_read_timeout(); }, this) {}

DownstreamH1::~DownstreamH1() = default;

void DownstreamH1::start() {
  transport_->start(this);
  if (transport_->is_ready()) watch_reading();
}

void DownstreamH1::on_ready() {
  const net::SecureSession* const secure = transport_->secure();
  if (secure != nullptr && secure->protocol() == "h2") return begin_http2({});
  watch_reading();
}

void DownstreamH1::on_read(base::Slice bytes) {
  if (state_ == State::kLinger || state_ == State::kClosed) return;  // discarded
  input_ = std::move(bytes);
  process();
}

// The turn of a connection: interpret what was read, tell the exchange once, and when that was the end of it
// go on with what the client sent behind.
void DownstreamH1::process() {
  if (is_processing_) return;
  is_processing_ = true;
  for (;;) {
    take_input();
    if (state_ == State::kTunnel && is_read_ended_ && !is_exchange_over_) exchange_->on_tunnel_end();
    if (exchange_ && !is_exchange_over_ && std::exchange(has_news_, false)) exchange_->on_request_read_done();
    if (!is_exchange_over_) break;
    end_exchange();
    if (state_ != State::kIdle || input_.is_empty()) break;
  }
  is_processing_ = false;
  if (state_ != State::kClosed) watch_reading();
}

void DownstreamH1::take_input() {
  while (!input_.is_empty()) {
    switch (state_) {
      case State::kIdle:
        // A client that asks on and on and reads nothing would fill our memory with answers.
        if (transport_->queued_bytes() >= BodyPipe::kHoldBytes) return hold_input();
        [[fallthrough]];
      case State::kHead:
        if (!take_head()) return;
        break;
      case State::kExchange:
        if (is_exchange_over_) return;
        if (is_request_ended_) return hold_input();  // pipelined (RFC 9112 9.3.2)
        if (!take_body()) return;
        break;
      case State::kTunnel:
        return pass_to_tunnel();
      case State::kLinger:
      case State::kClosed:
        input_ = {};
        return;
    }
  }
}

// What the client sent ahead waits, in a block of its own size.
void DownstreamH1::hold_input() {
  if (input_.size() <= base::BufferPool::kLargeBytes) {
    input_ = host_.services().loop.buffers().copy(input_.view());
  }
  transport_->pause(net::PauseReason::kBusy);
}

// "PRI * HTTP/2.0" and so on (RFC 9113 3.4): its first four bytes begin no request that anybody sends. They
// may come one by one; until they are all there the parser gets them too.
bool DownstreamH1::is_http2_preface() {
  constexpr std::string_view kPreface = "PRI ";
  if (transport_->secure() != nullptr || listener_.settings.http2.mode == Http2Mode::kOff) return false;
  const std::string_view text = input_.view();
  const std::string_view wanted = kPreface.substr(num_preface_bytes_);
  const std::string_view got = text.substr(0, wanted.size());
  if (!wanted.starts_with(got)) {
    num_preface_bytes_ = kNoPreface;
    return false;
  }
  if (got.size() < wanted.size()) {
    num_preface_bytes_ += static_cast<std::uint8_t>(got.size());
    return false;
  }
  base::Chain read;
  read.append_copy(kPreface.substr(0, num_preface_bytes_), host_.services().loop.buffers());
  read.append(std::move(input_));
  begin_http2(std::move(read));
  return true;
}

void DownstreamH1::begin_http2(base::Chain read) {
  state_ = State::kClosed;
  input_ = {};
  read_timer_.cancel();
  give_back_message();
  host_.begin_http2(*this, std::move(transport_), std::move(read));
}

bool DownstreamH1::take_head() {
  if (is_first_ && num_preface_bytes_ != kNoPreface && is_http2_preface()) return false;
  if (state_ == State::kIdle) {
    message_ = host_.take_message();
    message_->parser.set_limits(head_limits(listener_.settings.limits));
    message_->parser.set_paths(path_options(listener_.settings.paths));
    state_ = State::kHead;
  }
  const auto fed = message_->parser.feed(input_.view());
  if (!fed) {
    refuse(fed.error());
    return false;
  }
  input_.drop_front(fed->consumed);
  if (input_.is_empty()) input_ = {};
  if (!fed->is_complete) return true;
  begin_exchange();
  return true;
}

void DownstreamH1::begin_exchange() {
  RequestHead& head = message_->parser.head();
  const auto framing = http::request_framing(head);
  if (!framing) return refuse(framing.error());
  const auto expects_continue = check_request(head, *framing, listener_.settings);
  if (!expects_continue) return refuse(expects_continue.error());
  is_keep_alive_ = http::is_keep_alive(head.headers(), head.version());
  is_request_ended_ = framing->kind == http::BodyKind::kNone ||
                      (framing->kind == http::BodyKind::kLength && framing->length == 0);
  message_->decoder.start(*framing, ErrorCode::kBadRequest, listener_.settings.limits.body_bytes);
  state_ = State::kExchange;
  is_first_ = false;
  has_news_ = true;
  exchange_ = host_.take_exchange();
  exchange_->start(*this, request_start(*framing, *expects_continue && !is_request_ended_));
  if (is_request_ended_ && !is_exchange_over_) exchange_->on_request_end(no_trailers());
}

RequestStart DownstreamH1::request_start(http::BodyFraming framing, bool expects_continue) {
  return {.head = message_->parser.head(),
          .framing = framing,
          .expects_continue = expects_continue,
          .client = transport_->peer(),
          .listener_port = listener_.port,
          .listener = listener_.settings,
          .trusted_proxies = listener_.trusted_proxies.get(),
          .secure = transport_->secure(),
          .raw_method = message_->parser.raw_method(),
          .raw_path = message_->parser.raw_target()};
}

// Answers what cannot be served. The rest of what the client sends has no meaning any more.
void DownstreamH1::refuse(Error error) {
  is_keep_alive_ = false;
  is_request_ended_ = false;
  is_first_ = false;
  state_ = State::kExchange;
  exchange_ = host_.take_exchange();
  exchange_->refuse(*this, request_start({}, false), std::move(error));
}

bool DownstreamH1::take_body() {
  const auto step = message_->decoder.next(input_.view());
  has_news_ = true;
  if (!step) {
    is_keep_alive_ = false;
    exchange_->on_request_failed(step.error());
    return false;
  }
  if (step->piece_size > 0) {
    message_->piece.append(input_.sub(step->piece_offset, step->piece_size));
    exchange_->on_request_body(std::move(message_->piece));
    message_->piece.clear();
  }
  input_.drop_front(step->consumed);
  if (input_.is_empty()) input_ = {};
  if (step->is_end) {
    is_request_ended_ = true;
    exchange_->on_request_end(message_->decoder.trailers());
  }
  return step->is_end || step->consumed > 0;
}

void DownstreamH1::pass_to_tunnel() {
  base::Slice bytes = std::exchange(input_, {});
  if (is_exchange_over_) return;
  message_->piece.append(std::move(bytes));
  exchange_->on_tunnel_bytes(std::move(message_->piece));
  message_->piece.clear();
}

void DownstreamH1::on_read_end() {
  is_read_ended_ = true;
  switch (state_) {
    case State::kIdle:
      return close_gracefully(), watch_reading();
    case State::kHead:
      if (!message_->parser.has_started()) return close_gracefully(), watch_reading();
      return refuse(downstream_error(ErrorCode::kBadRequest, "truncated_head"));
    case State::kExchange:
      // A complete request may be answered to a client that closed its half (RFC 9112 9.6).
      if (!is_request_ended_ && !is_exchange_over_) {
        is_keep_alive_ = false;
        exchange_->on_request_failed(downstream_error(ErrorCode::kBadRequest, "truncated_body"));
      }
      return;
    case State::kTunnel:
      return process();
    case State::kLinger:
      if (transport_->queued_bytes() == 0) close_now();
      return;
    case State::kClosed:
      return;
  }
}

void DownstreamH1::on_drained() {
  unwatch_writing();
  if (state_ == State::kLinger) {
    if (is_read_ended_) return close_now();
    return wait_for(ReadWait::kLinger, kLingerTime);
  }
  if (state_ == State::kIdle && !input_.is_empty()) {
    transport_->resume(net::PauseReason::kBusy);
    return process();
  }
  if (exchange_ && !is_exchange_over_) exchange_->on_client_drained();
}

void DownstreamH1::on_broken(Error error) {
  if (exchange_ && !is_exchange_over_) exchange_->on_client_gone(std::move(error));
  close_now();
}

void DownstreamH1::send_interim(const ResponseHead& head) {
  if (message_->parser.head().version() == HttpVersion::kHttp10) return;  // RFC 9110 15.2
  http::write_response_head(message_->out, host_.services().loop.buffers(), head, {},
                            http::ConnectionHeader::kNone);
}

void DownstreamH1::begin_tunnel(const ResponseHead& head) {
  http::write_response_head(message_->out, host_.services().loop.buffers(), head, {},
                            http::ConnectionHeader::kUpgrade);
  is_keep_alive_ = is_chunked_ = false;
  state_ = State::kTunnel;
  // It has a time limit of its own, for both directions together.
  unwatch_writing();
  // What has come behind the request, now that it is known to be no further request.
  host_.services().loop.defer([this] {
    if (state_ != State::kTunnel) return;
    transport_->resume(net::PauseReason::kBusy);
    process();
    if (is_tunnel_time_over_) drain_tunnel();
  });
}

void DownstreamH1::send_head(const ResponseHead& head, http::BodyFraming framing, std::int64_t kept_length) {
  const bool is_http10 = message_->parser.head().version() == HttpVersion::kHttp10;
  if (is_http10 && framing.kind == http::BodyKind::kChunked) {
    framing = {http::BodyKind::kUntilClose, 0};
    is_keep_alive_ = false;
  }
  // With bytes of the request still missing the connection cannot be told from one that is out of step.
  if (!is_request_ended_ || is_read_ended_ || host_.is_closing(listener_)) is_keep_alive_ = false;
  is_chunked_ = framing.kind == http::BodyKind::kChunked;
  const auto connection = !is_keep_alive_ ? http::ConnectionHeader::kClose
                          : is_http10     ? http::ConnectionHeader::kKeepAlive
                                          : http::ConnectionHeader::kNone;
  http::write_response_head(message_->out, host_.services().loop.buffers(), head, framing, connection,
                            kept_length);
}

void DownstreamH1::send_body(base::Chain&& piece) {
  if (is_chunked_) {
    http::write_chunk(message_->out, host_.services().loop.buffers(), std::move(piece));
  } else {
    message_->out.append(std::move(piece));
  }
}

void DownstreamH1::send_end(const Headers& trailers) {
  if (state_ == State::kTunnel) {
    flush();
    return transport_->shutdown_write();
  }
  if (is_chunked_) http::write_last_chunk(message_->out, host_.services().loop.buffers(), trailers);
}

std::size_t DownstreamH1::flush() {
  if (!message_->out.is_empty()) {
    transport_->write(std::move(message_->out));
    message_->out.clear();
    if (transport_->queued_bytes() > 0) watch_writing();
  }
  return transport_->queued_bytes();
}

void DownstreamH1::set_reading(Reading reading) {
  if (reading_ == reading) return;
  reading_ = reading;
  if (reading == Reading::kPaused) {
    transport_->pause(net::PauseReason::kPeerSlow);
  } else {
    transport_->resume(net::PauseReason::kPeerSlow);
  }
  if (!is_processing_) watch_reading();
}

void DownstreamH1::finish(Finish how) {
  is_exchange_over_ = true;
  finish_ = how;
  // Never from here: the exchange is still on the stack.
  if (!is_processing_) {
    host_.services().loop.defer([this] { process(); });
  }
}

}  // namespace ingress::proxy
