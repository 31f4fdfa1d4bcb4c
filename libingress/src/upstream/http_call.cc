#include "upstream/http_call.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "http/chars.h"
#include "upstream/give_back.h"
#include "upstream/open_stream.h"

namespace ingress::upstream {
namespace {

Error failure(ErrorCode code, RetrySafety retry, const char* what) {
  return {code, ErrorSide::kUpstream, retry, what, {}};
}

bool is_of_connection(std::string_view name) {
  constexpr Headers::IdSet kOurs =
      Headers::bit(HeaderId::kConnection) | Headers::bit(HeaderId::kContentLength) |
      Headers::bit(HeaderId::kHost) | Headers::bit(HeaderId::kKeepAlive) |
      Headers::bit(HeaderId::kProxyConnection) | Headers::bit(HeaderId::kTe) |
      Headers::bit(HeaderId::kTrailer) | Headers::bit(HeaderId::kTransferEncoding) |
      Headers::bit(HeaderId::kUpgrade);
  const HeaderId id = to_header_id(name);
  return id != HeaderId::kOther && (kOurs & Headers::bit(id)) != 0;
}

// The writers would leave out what has no place in a head: better not sent at all. Null: nothing is wrong.
const char* find_fault(const ClientRequest& request) {
  if (!base::is_token(request.method) || request.method == "CONNECT") return "no such method";
  const std::string_view target = request.target;
  if (!target.starts_with('/') || !http::is_vchars(target) || target.find('#') != target.npos)
    return "the target is no path with or without a query";
  for (const ClientField& field : request.fields) {
    if (!base::is_token(field.name) || !http::is_field_text(field.value)) return "a field is none";
    if (is_of_connection(field.name)) return "a field is the connection's to say";
  }
  return nullptr;
}

void take_all(base::Chain& from, std::string& to) {
  while (!from.is_empty()) {
    const base::Slice slice = from.take_front();
    to += slice.view();
  }
}

}  // namespace

HttpCall::HttpCall(HttpService& service, ClientRequest request, ClientEvents& events)
    : service_(&service),
      request_(std::move(request)),
      events_(&events),
      self_(std::make_shared<HttpCall*>(this)) {
  service.calls.insert(this);
  if (const char* const fault = find_fault(request_)) {
    held_outcome_ = std::unexpected(Error{.code = ErrorCode::kInvalidArgument, .what = fault, .detail = {}});
    defer(&HttpCall::tell_held);
    return;
  }
  if (request_.head_timeout.count() > 0) timer_.set(service.loop.timers(), request_.head_timeout);
  seek_stream();
}

HttpCall::~HttpCall() {
  abandon();
  *self_ = nullptr;
}

void HttpCall::abandon() {
  state_ = State::kOver;
  timer_.cancel();
  attempt_.reset();
  drop_stream();
  if (service_ != nullptr) std::exchange(service_, nullptr)->calls.erase(this);
}

void HttpCall::drop_stream() {
  stream_.reset();
  endpoint_ = {};
}

void HttpCall::defer(void (HttpCall::*then)()) {
  service_->loop.defer([self = self_, then] {
    HttpCall* const call = *self;
    if (call != nullptr && call->state_ != State::kOver) (call->*then)();
  });
}

void HttpCall::seek_stream() {
  const std::size_t num = service_->endpoints.size();
  for (std::size_t i = 0; i < num; ++i) {
    const EndpointRef endpoint = service_->endpoints[(service_->preferred + i) % num];
    if (ClientStreamPtr kept = take_kept(*endpoint, service_->cluster, {})) {
      endpoint_ = endpoint;
      return send(std::move(kept));
    }
  }
  open(service_->preferred);
}

void HttpCall::open(std::size_t index) {
  attempt_ = open_stream(
      service_->loop, service_->connector, service_->endpoints[index], service_->cluster, {}, {},
      [this, index](std::expected<ClientStreamPtr, Error> stream) { on_stream(index, std::move(stream)); });
}

void HttpCall::on_stream(std::size_t index, std::expected<ClientStreamPtr, Error> stream) {
  attempt_.reset();
  const std::size_t num = service_->endpoints.size();
  if (stream) {
    num_refused_ = 0;
    service_->preferred = index;
    endpoint_ = service_->endpoints[index];
    return send(std::move(*stream));
  }
  if (!is_connect_failure(stream.error().code)) return try_again(std::move(stream.error()));
  if (++num_refused_ < num) return open((index + 1) % num);
  finish(std::unexpected(std::move(stream.error())));
}

void HttpCall::send(ClientStreamPtr stream) {
  stream_ = std::move(stream);
  const std::string_view target = request_.target;
  const std::size_t mark = target.find('?');
  const bool has_query = mark != target.npos;
  RequestHead head;
  head.set_method_view(request_.method);
  head.set_target_view(target.substr(0, mark), has_query ? target.substr(mark + 1) : "", has_query);
  head.set_authority_view(service_->authority, 0, service_->authority);
  for (const ClientField& field : request_.fields)
    head.headers().add_view(field.name, field.value, to_header_id(field.name));
  const bool has_body = !request_.body.empty();
  stream_->begin(*this, request_.method, service_->cluster.limits);
  stream_->send_head(head,
                     {has_body ? http::BodyKind::kLength : http::BodyKind::kNone, request_.body.size()});
  if (has_body) {
    base::Chain body;
    body.append_copy(request_.body, service_->loop.buffers());
    stream_->send_body(std::move(body));
  }
  stream_->send_end({});
  stream_->flush();
}

void HttpCall::try_again(Error error) {
  const bool is_safe = state_ == State::kBeforeHead && error.retry == RetrySafety::kSafe;
  if (is_safe && ++num_tries_ < kMaxTries) {
    drop_stream();
    return seek_stream();
  }
  // Whether the connection had served others before tells the application nothing.
  if (error.code == ErrorCode::kStaleConnection) error.code = ErrorCode::kUpstreamReset;
  finish(std::unexpected(std::move(error)));
}

void HttpCall::on_timer() {
  if (state_ == State::kBody)
    return finish(std::unexpected(
        failure(ErrorCode::kTimeout, RetrySafety::kNotSafe, "the answer has stopped coming")));
  const bool may_have_come = stream_ && stream_->has_written();
  finish(std::unexpected(failure(ErrorCode::kTimeout,
                                 may_have_come ? RetrySafety::kIfIdempotent : RetrySafety::kSafe,
                                 may_have_come ? "no answer in time" : "no connection in time")));
}

void HttpCall::pause() {
  is_paused_ = true;
  if (state_ != State::kBody) return;
  timer_.cancel();
  if (stream_) stream_->pause_response();
}

void HttpCall::resume() {
  if (!std::exchange(is_paused_, false) || state_ == State::kOver) return;
  if (is_holding()) return defer(&HttpCall::tell_held);
  go_on();
}

void HttpCall::go_on() {
  if (state_ != State::kBody) return;
  if (stream_) stream_->resume_response();
  expect_body();
}

void HttpCall::expect_body() {
  if (request_.body_idle_timeout.count() > 0) timer_.set(service_->loop.timers(), request_.body_idle_timeout);
}

bool HttpCall::is_holding() const {
  return is_paused_ || !held_.empty() || held_outcome_.has_value();
}

// One event at a time, since each may pause again.
void HttpCall::tell_held() {
  if (is_paused_) return;
  if (held_.empty()) {
    if (held_outcome_) finish(std::move(*std::exchange(held_outcome_, std::nullopt)));
    return;
  }
  const std::string held = std::exchange(held_, {});
  if (held_outcome_) {
    defer(&HttpCall::tell_held);
  } else {
    go_on();
  }
  events_->on_body(held);
}

void HttpCall::finish(std::expected<void, Error> outcome) {
  timer_.cancel();
  attempt_.reset();
  drop_stream();
  if (is_holding()) {
    held_outcome_ = std::move(outcome);
    return;
  }
  state_ = State::kOver;
  std::exchange(service_, nullptr)->calls.erase(this);
  events_->on_end(std::move(outcome));
}

void HttpCall::on_response_head(ResponseHead& head, http::BodyFraming) {
  state_ = State::kBody;
  timer_.cancel();
  request_.body = {};  // it is not sent again
  if (is_paused_) {
    stream_->pause_response();
  } else {
    expect_body();
  }
  std::vector<ClientField> fields;
  fields.reserve(head.headers().size());
  for (const HeaderField& field : head.headers())
    fields.push_back({.name = std::string(field.name), .value = std::string(field.value)});
  events_->on_head(head.status(), fields);
}

void HttpCall::on_response_body(base::Chain&& piece) {
  if (is_holding()) return take_all(piece, held_);
  expect_body();
  if (piece.num_slices() == 1) {
    const base::Slice slice = piece.take_front();
    return events_->on_body(slice.view());
  }
  std::string whole;
  take_all(piece, whole);
  events_->on_body(whole);
}

void HttpCall::on_response_end(const Headers&) {
  give_back(service_->loop, endpoint_, std::move(stream_), service_->cluster.limits,
            service_->cluster.timeouts);
  finish({});
}

void HttpCall::on_upstream_failed(Error error) {
  try_again(std::move(error));
}

}  // namespace ingress::upstream
