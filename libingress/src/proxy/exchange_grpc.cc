// Calls of gRPC: their deadlines, their statuses in answers of our own, and gRPC-Web.
#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "proxy/exchange.h"

namespace ingress::proxy {
namespace {

// Where more is known than the HTTP status says.
http::GrpcStatus grpc_status_of(ErrorCode code, std::uint16_t http_status) {
  switch (code) {
    case ErrorCode::kUpstreamTimeout:
    case ErrorCode::kRequestTimeout:
      // Not UNAVAILABLE: that would say that nothing has been done, and that to try again is safe.
      return http::GrpcStatus::kDeadlineExceeded;
    case ErrorCode::kBodyTooLarge:
    case ErrorCode::kHeadTooLarge:
      return http::GrpcStatus::kResourceExhausted;
    default:
      return http::to_grpc_status(http_status);
  }
}

void add_grpc_status(Headers& headers, http::GrpcStatus status, std::string_view message) {
  headers.add("grpc-status", std::to_string(static_cast<unsigned>(status)));
  if (!message.empty()) headers.add("grpc-message", http::encode_grpc_message(message));
}

}  // namespace

// For requests with a Content-Type, once their rule is known. False: it has been answered.
bool Exchange::begin_grpc() {
  const RequestHead& head = start_->head;
  const http::GrpcKind kind = http::grpc_kind(head.headers().get(HeaderId::kContentType).value_or(""));
  if (kind == http::GrpcKind::kNone) return true;
  if (kind == http::GrpcKind::kGrpc) {
    if (head.version() != HttpVersion::kHttp2) return true;  // gRPC has no other
  } else {
    if (rule_->value->grpc_web != GrpcWeb::kTranslate || head.method() != "POST") return true;
    grpc_.web = std::make_unique<GrpcWebBridge>(*stream_, services_.loop.buffers(), *start_, kind);
    stream_ = grpc_.web.get();
  }
  grpc_.is_call = true;
  return take_grpc_timeout();
}

// What the client has no more time for, we have none for either. A deadline that cannot be read is refused,
// not passed over: the backend might read it.
bool Exchange::take_grpc_timeout() {
  const auto value = start_->head.headers().get("grpc-timeout");
  if (!value) return true;
  const auto timeout = http::parse_grpc_timeout(*value);
  if (!timeout) {
    fail({ErrorCode::kBadRequest, ErrorSide::kDownstream, RetrySafety::kNotSafe, "grpc_timeout", {}});
    return false;
  }
  const std::chrono::milliseconds limit = rule_->value->timeouts.request;
  grpc_.is_deadline_clients = limit.count() == 0 || *timeout < limit;
  grpc_.timeout = *timeout;
  if (!grpc_.is_deadline_clients) return true;
  if (timeout->count() == 0) {
    on_deadline();
    return false;
  }
  deadline_.set(services_.loop.timers(), *timeout);
  return true;
}

// The client's deadline says nothing about the backend: anybody could have it ejected with a short one.
void Exchange::on_deadline() {
  const bool is_clients = grpc_.is_deadline_clients;
  fail({ErrorCode::kUpstreamTimeout,
        is_clients ? ErrorSide::kDownstream : ErrorSide::kUpstream,
        RetrySafety::kNotSafe,
        is_clients ? "grpc_timeout" : "request",
        {}});
}

// Once per try, before the head is sent. By "te: trailers" (RFC 9113 8.2.2) servers of gRPC know that nobody
// on the way loses the status; HTTP/1.1 would have to name the field in Connection.
void Exchange::write_grpc_head() {
  Headers& headers = start_->head.headers();
  const bool is_http2 = conn_->h1() == nullptr;
  if (is_http2 && !headers.has(HeaderId::kTe)) headers.add_view("te", "trailers", HeaderId::kTe);
  if (!is_http2) headers.remove(HeaderId::kTe);
  if (grpc_.timeout.count() > 0) tell_grpc_timeout();
}

// Where the client has set a deadline, each try is told how much of it is left, and of limits of ours.
void Exchange::tell_grpc_timeout() {
  const RouteTimeouts& timeouts = rule_->value->timeouts;
  // No time has gone by, and nothing of ours is shorter: as it came, to the nanosecond.
  if (is_in_read_ && grpc_.is_deadline_clients && timeouts.backend_request.count() == 0) return;
  std::chrono::milliseconds left = grpc_.timeout;
  if (timeouts.request.count() > 0) left = std::min(left, timeouts.request);
  const std::chrono::microseconds gone(net::EventLoop::clock_us() - started_us_);
  left -= std::chrono::floor<std::chrono::milliseconds>(gone);
  if (timeouts.backend_request.count() > 0) left = std::min(left, timeouts.backend_request);
  start_->head.headers().set("grpc-timeout", http::write_grpc_timeout(left));
}

bool Exchange::is_grpc_call() const {
  if (grpc_.is_call) return true;
  // Of those that were answered before they had a rule; what is left of a broken head of HTTP/1 is not read.
  if (start_->head.version() != HttpVersion::kHttp2) return false;
  const auto type = start_->head.headers().get(HeaderId::kContentType);
  return type && http::grpc_kind(*type) == http::GrpcKind::kGrpc;
}

void Exchange::push_grpc_web(base::Chain&& piece) {
  request_.push(grpc_.web->decode(std::move(piece)));
}

// Behind each read; false: what came is no base64, and has been answered.
bool Exchange::check_grpc_web() {
  const auto moment =
      request_.is_in_ended() ? GrpcWebBridge::Moment::kAtEnd : GrpcWebBridge::Moment::kBetween;
  if (grpc_.web->is_valid(moment)) return true;
  fail({ErrorCode::kBadRequest, ErrorSide::kDownstream, RetrySafety::kNotSafe, "grpc_web_base64", {}});
  return false;
}

void Exchange::answer_grpc(ErrorCode code, std::uint16_t http_status) {
  ResponseHead head;
  send_grpc_answer(head, grpc_status_of(code, http_status), http::reason_phrase(http_status));
}

void Exchange::answer_grpc(std::uint16_t http_status, std::string_view text) {
  ResponseHead head;
  send_grpc_answer(head, http::to_grpc_status(http_status), text);
}

// A filter's: its fields stay, its text becomes the message, and the status is that of its answer: two of
// them would leave the client to choose.
void Exchange::answer_grpc(const Reply& reply) {
  ResponseHead head;
  for (const auto& [name, value] : reply.headers) head.headers().add(name, value);
  http::strip_hop_by_hop(head.headers());
  head.headers().remove(HeaderId::kContentType);
  for (const char* name : {"grpc-status", "grpc-message"}) head.headers().remove(name);
  std::string_view text = reply.body;
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  constexpr std::size_t kMaxMessageBytes = 1024;  // of a header field
  text = text.substr(0, kMaxMessageBytes);
  if (text.empty()) text = http::reason_phrase(reply.status);
  send_grpc_answer(head, http::to_grpc_status(reply.status), text);
}

// "Trailers-Only": one block of fields, no body.
void Exchange::send_grpc_answer(ResponseHead& head, http::GrpcStatus status, std::string_view message) {
  grpc_.is_call = true;
  grpc_.status = static_cast<std::uint16_t>(status);
  head.set_status(200);
  head.headers().add("content-type", http::kGrpcContentType);
  add_grpc_status(head.headers(), status, message);
  send_answer(head, {});
}

// At the response head of a call.
void Exchange::note_grpc_head(http::BodyFraming framing) {
  const Headers& headers = response_head_->headers();
  note_grpc_status(headers);
  const auto type = headers.get(HeaderId::kContentType);
  grpc_.may_end_with_status = !grpc_.web && start_->head.version() == HttpVersion::kHttp2 &&
                              has_answer_body_ && framing.kind == http::BodyKind::kChunked && type &&
                              http::grpc_kind(*type) == http::GrpcKind::kGrpc;
}

void Exchange::note_grpc_status(const Headers& headers) {
  const auto value = headers.get("grpc-status");
  const auto status = value ? base::parse_decimal<std::uint8_t>(*value) : std::nullopt;
  if (status) grpc_.status = *status;
}

// A stream that breaks off ends with a status that says so, where the client can still be told: it knows
// then what to do (UNAVAILABLE, DEADLINE_EXCEEDED), where a reset is INTERNAL to it. Nothing can be taken for
// whole by that: the status is an error's, and a message of which bytes are missing says how long it is.
bool Exchange::end_grpc(const Error& error, std::uint16_t http_status) {
  if (!grpc_.may_end_with_status) return false;
  const http::GrpcStatus status = grpc_status_of(error.code, http_status);
  grpc_.status = static_cast<std::uint16_t>(status);
  Headers trailers;
  add_grpc_status(trailers, status, http::reason_phrase(http_status));
  stream_->send_end(trailers);
  end(Finish::kComplete);
  return true;
}

// For filters and the access log: the HTTP status of a call is 200 whatever becomes of it.
void Exchange::label_grpc_status() {
  if (grpc_.status == GrpcCall::kNoStatus) return;
  char digits[8];
  const auto end = std::to_chars(digits, digits + sizeof digits, grpc_.status).ptr;
  set_label("grpc_status", {digits, static_cast<std::size_t>(end - digits)});
}

void Exchange::forget_grpc() {
  if (grpc_.web) stream_ = &grpc_.web->client();
  grpc_ = {};
}

}  // namespace ingress::proxy
