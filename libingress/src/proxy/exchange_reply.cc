// How an exchange ends: an answer of our own, a cut.
#include <ctime>
#include <utility>

#include "http/h1_writer.h"
#include "http/hop_by_hop.h"
#include "proxy/error_reply.h"
#include "proxy/exchange.h"
#include "upstream/connector.h"

namespace ingress::proxy {
namespace {

const Headers& no_headers() {
  static const Headers none;
  return none;
}

// IMF-fixdate (RFC 9110 5.6.7), for answers that we make ourselves (6.6.1).
std::string_view http_date(char (&text)[32]) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  // The C locale's names: the library never calls setlocale, and a program that did would get its own.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int length = std::snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                   kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon],
                                   (parts.tm_year + 1900) % 10000, parts.tm_hour, parts.tm_min, parts.tm_sec);
  return {text, static_cast<std::size_t>(length)};
}

}  // namespace

void Exchange::fail(Error error) {
  if (phase_ == Phase::kDone || phase_ == Phase::kIdle) return;
  note_failure(error);
  if (try_again(error)) return;
  if (phase_ >= Phase::kRelay) return cut(error);
  const ErrorRow* row = find_error_row(error.code);
  if (row == nullptr) row = find_error_row(ErrorCode::kFilterFailed);
  services_.metrics.replies_by_error[static_cast<std::size_t>(error.code)].add();
  note_why(error.code, error.what);
  if (is_grpc_call()) return answer_grpc(error.code, row->status);
  answer(row->status, http::reason_phrase(row->status));
}

void Exchange::answer(const FixedReply& reply) {
  const bool is_no_route = reply.why == "no_route";
  services_.metrics
      .replies_by_error[static_cast<std::size_t>(is_no_route ? ErrorCode::kNoRoute : ErrorCode::kRouteFailed)]
      .add();
  why_ = reply.why.empty() ? "fixed_reply" : reply.why;
  answer(reply.status, http::reason_phrase(reply.status));
}

void Exchange::answer(std::uint16_t status, std::string_view text) {
  if (is_grpc_call()) return answer_grpc(status, text);
  ResponseHead head;
  head.set_status(status);
  head.headers().add("Content-Type", "text/plain; charset=utf-8");
  std::string body(text);
  body += '\n';
  send_answer(head, body);
}

void Exchange::answer(const Reply& reply) {
  services_.metrics.filter_replies.add();
  why_ = reply.why.empty() ? "filter" : reply.why;
  if (is_grpc_call() && http::grpc_kind(reply.content_type) == http::GrpcKind::kNone)
    return answer_grpc(reply);
  ResponseHead head;
  head.set_status(reply.status >= 200 && reply.status <= 599 ? reply.status : 500);
  if (!reply.content_type.empty()) head.headers().add("Content-Type", reply.content_type);
  for (const auto& [name, value] : reply.headers) head.headers().add(name, value);
  http::strip_hop_by_hop(head.headers());
  send_answer(head, reply.body);
}

void Exchange::send_answer(ResponseHead& head, std::string_view body) {
  release_upstream();
  status_ = head.status();
  phase_ = Phase::kRelay;
  char date[32];
  if (!head.headers().has(HeaderId::kDate)) head.headers().add("Date", http_date(date));
  if (wants_hsts()) tell_hsts(head);
  const bool is_bare_call = body.empty() && grpc_.is_call && start_->head.version() == HttpVersion::kHttp2;
  const bool has_no_body = status_ == 204 || status_ == 304 || is_bare_call;
  if (has_no_body || is_head_request_) {
    stream_->send_head(head, {http::BodyKind::kNone, 0},
                       has_no_body ? -1 : static_cast<std::int64_t>(body.size()));
  } else {
    stream_->send_head(head, {http::BodyKind::kLength, body.size()}, -1);
    base::Chain piece;
    for (std::string_view rest = body; !rest.empty();) {
      const std::string_view part = rest.substr(0, base::BufferPool::kLargeBytes);
      piece.append(services_.loop.buffers().copy(part));
      rest.remove_prefix(part.size());
    }
    response_bytes_ = body.size();
    stream_->send_body(std::move(piece));
  }
  stream_->send_end(no_headers());
  end(Finish::kComplete);
}

// After the head the status stands; all that is left is to make sure that the message does not look whole.
void Exchange::cut(const Error& error) {
  services_.metrics.replies_by_error[static_cast<std::size_t>(error.code)].add();
  note_why(error.code, error.what);
  const ErrorRow* const row = find_error_row(error.code);
  if (row != nullptr && end_grpc(error, row->status)) return;
  end(Finish::kCut);
}

void Exchange::end(Finish how) {
  deadline_.cancel();
  drop_resumer();
  is_suspended_ = false;
  ended_us_ = -1;
  release_upstream();
  if (ended_us_ < 0) ended_us_ = net::EventLoop::clock_us();
  mirrors_.clear();
  if (limit_use_.gate) limit_use_ = {};  // before the client can know that it is its turn again
  stream_->flush();
  unpin();
  phase_ = Phase::kDone;
  log();
  cluster_ = nullptr;
  forget();
  (was_upgraded() ? services_.metrics.tunnels_open : services_.metrics.exchanges_open).subtract();
  stream_->finish(how);
}

}  // namespace ingress::proxy
