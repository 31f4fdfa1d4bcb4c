// Another try: what decides it, what is kept for it, the wait before it and the clocks of one try.
#include <algorithm>
#include <charconv>
#include <utility>

#include "proxy/exchange.h"

namespace ingress::proxy {
namespace {

// Of a response that is not wanted, so that its connection can be used again; more is not worth waiting for.
constexpr std::uint64_t kMaxDrainedBytes = 64 * 1024;
// Between looks at whether there are descriptors again, and for how long at most.
constexpr std::chrono::milliseconds kStarvationPause{20};
constexpr std::chrono::milliseconds kDefaultStarvation{5'000};

// What went wrong with a try, when that is something that another may do better.
std::optional<policy::TryFailure> failure_of(const Error& error) {
  // A certificate that was refused will not be better the next time.
  if (error.code == ErrorCode::kUpstreamTls && error.retry != RetrySafety::kSafe) return std::nullopt;
  if (upstream::is_connect_failure(error.code)) return policy::TryFailure::kConnectFailure;
  switch (error.code) {
    case ErrorCode::kStaleConnection:
      return policy::TryFailure::kStaleConnection;
    case ErrorCode::kUpstreamReset:
      return policy::TryFailure::kReset;
    case ErrorCode::kUpstreamTimeout:
      // The time limit of the whole request leaves none for another try.
      if (error.retry == RetrySafety::kNotSafe) return std::nullopt;
      return policy::TryFailure::kPerTryTimeout;
    default:
      return std::nullopt;
  }
}

}  // namespace

// Null also when the configuration is unpinned: the response head has been sent then.
const RetryPolicy* Exchange::retry_policy() const {
  return rule_ != nullptr && rule_->value->retry ? &*rule_->value->retry : nullptr;
}

bool Exchange::try_again(const Error& error) {
  const std::optional<policy::TryFailure> failure = failure_of(error);
  return failure && try_again(*failure, error.retry);
}

bool Exchange::try_again(policy::TryFailure failure, RetrySafety safety) {
  // From the response's filters on somebody may have seen this response.
  if (phase_ < Phase::kConnect || phase_ > Phase::kAwaitResponse) return false;
  const RetryPolicy* const retry = retry_policy();
  const policy::RetryDecision decision =
      policy::decide_retry(retry, {.failure = failure,
                                   .is_idempotent = policy::is_idempotent(start_->head.method()),
                                   .may_have_acted = safety != RetrySafety::kSafe,
                                   .can_send_again = !has_sent_body_ || tries_.replay != Replay::kOff,
                                   .was_replaced = tries_.was_replaced,
                                   .num_retries = tries_.num_retries});
  if (decision.step == policy::RetryStep::kGiveUp) {
    refuse_retry(decision.refusal);
    return false;
  }
  if (decision.step == policy::RetryStep::kAfterBackoff && !take_retry_place(retry->budget)) {
    refuse_retry(policy::RetryRefusal::kBudget);
    return false;
  }
  // A connection that is replaced is no retry: nothing has failed but that connection.
  if (decision.step != policy::RetryStep::kReplaceConnection && !take_retry_permit()) {
    refuse_retry(policy::RetryRefusal::kBreaker);
    return false;
  }
  services_.metrics.upstream_retries.add();
  services_.metrics.retries_by_reason[static_cast<std::size_t>(failure)].add();
  if (decision.step == policy::RetryStep::kReplaceConnection) {
    // It says nothing about its endpoint; others that were kept as long may be closed as well.
    tries_.was_replaced = tries_.wants_fresh_conn = true;
  } else {
    ++tries_.num_retries;
    tries_.note_failed(endpoint_);
  }
  if (decision.step == policy::RetryStep::kAfterBackoff) {
    back_off(failure, retry->backoff);
  } else {
    begin_next_try();
  }
  return true;
}

bool Exchange::take_retry_place(const RetryBudget& budget) {
  if (tries_.load) return true;
  upstream::ClusterLoadRef load = services_.clusters.load(*cluster_);
  if (load->num_retrying >= budget.min_concurrent &&
      load->num_retrying >= policy::allowed_retries(budget, services_.clusters.num_active(*cluster_))) {
    return false;
  }
  ++load->num_retrying;
  tries_.load = std::move(load);
  return true;
}

// What a policy did not ask for is no refusal; without one nobody expects a retry.
void Exchange::refuse_retry(policy::RetryRefusal refusal) {
  if (retry_policy() == nullptr || refusal == policy::RetryRefusal::kNotAsked) return;
  tries_.no_retry = refusal;
  services_.metrics.retries_refused[static_cast<std::size_t>(refusal)].add();
}

// That this process has no descriptor (or port, or memory) left is no fault of the endpoint and passes: what
// others have now is theirs only for a while, and a connection that comes free serves as well as a new one.
// So it is no failed try, as long as connecting may take.
bool Exchange::wait_for_descriptors(const Error& error) {
  if (error.side != ErrorSide::kSelf || phase_ != Phase::kConnect) return false;
  const std::chrono::milliseconds now = services_.loop.timers().now();
  if (!tries_.starved_since) tries_.starved_since = now;
  const auto limit = cluster_timeouts_.connect.count() > 0 ? cluster_timeouts_.connect : kDefaultStarvation;
  if (now - *tries_.starved_since >= limit) return false;
  --tries_.num;
  release_upstream();
  phase_ = Phase::kBackOff;
  tries_.backoff_timer.set(services_.loop.timers(), kStarvationPause);
  return true;
}

// Meanwhile a response that is not wanted may come to its end, so that its connection can be kept.
void Exchange::back_off(policy::TryFailure failure, const RetryBackoff& backoff) {
  const bool is_draining = failure == policy::TryFailure::kStatus && is_request_sent_;
  const std::chrono::milliseconds delay =
      policy::backoff_before(backoff, tries_.num_retries, services_.clusters.random().next());
  if (!is_draining && delay.count() == 0) return begin_next_try();
  if (!is_draining) release_upstream();
  phase_ = Phase::kBackOff;
  tries_.stop_timers();
  tries_.num_drained_bytes = 0;
  watch_upstream();
  tries_.backoff_timer.set(services_.loop.timers(), delay);
}

void Exchange::drain_refused(base::Chain&& piece) {
  tries_.num_drained_bytes += piece.size_bytes();
  piece.clear();
  if (tries_.num_drained_bytes > kMaxDrainedBytes) release_upstream();
}

void Exchange::begin_next_try() {
  release_upstream();
  if (!tries_.kept.is_empty()) {
    tries_.kept.append(std::move(held_request_));
    held_request_ = std::exchange(tries_.kept, {});
  }
  tries_.stop_keeping();
  is_request_sent_ = has_sent_body_ = false;
  phase_ = Phase::kPickUpstream;
  run();
}

// Time that the client takes to send its request is not the backend's.
void Exchange::start_try_clock() {
  const RetryPolicy* const retry = retry_policy();
  if (retry == nullptr || retry->per_try_timeout.count() == 0) return;
  if (!request_.is_in_ended() || tries_.try_timer.is_set()) return;
  tries_.try_timer.set(services_.loop.timers(), retry->per_try_timeout);
}

void Exchange::begin_sending() {
  const RouteTimeouts& timeouts = rule_->value->timeouts;
  if (timeouts.backend_request.count() > 0) {
    tries_.backend_timer.set(services_.loop.timers(), timeouts.backend_request);
  }
  if (!timeouts.deadline_header.empty()) tell_deadline();
  if (grpc_.is_call) write_grpc_head();
  tries_.replay = choose_replay();
}

// Without a policy only a kept connection can make a second try with a body necessary, and a stream that the
// backend says it has not looked at, which it may say late.
Replay Exchange::choose_replay() const {
  const RetryPolicy* const retry = retry_policy();
  if (start_->framing.kind == http::BodyKind::kNone) return Replay::kOff;
  const bool may_retry = retry != nullptr && tries_.num_retries < retry->attempts;
  const bool may_be_refused = conn_->h1() == nullptr;
  if ((!may_retry && !conn_->is_reused() && !may_be_refused) || Tries::replay_cap(retry) == 0)
    return Replay::kOff;
  if (may_be_refused) return Replay::kOn;
  const bool may_be_doubled = (retry != nullptr && retry->methods == RetryMethods::kAny) ||
                              policy::is_idempotent(start_->head.method());
  return may_be_doubled ? Replay::kOn : Replay::kUntilWritten;
}

// Only shared for now: mostly all of it is written at once, and forgotten. What is kept for longer is made
// small by compact_kept().
void Exchange::keep_for_retry(base::Chain& piece) {
  const RetryPolicy* const retry = retry_policy();
  if (tries_.kept.size_bytes() + piece.size_bytes() > Tries::replay_cap(retry)) {
    if (retry != nullptr) services_.metrics.retry_buffer_overflows.add();
    return tries_.stop_keeping();
  }
  for (std::size_t num_left = piece.num_slices(); num_left > 0; --num_left) {
    base::Slice slice = piece.take_front();
    tries_.kept.append(slice);
    piece.append(std::move(slice));
  }
}

void Exchange::compact_kept() {
  if (tries_.replay == Replay::kUntilWritten && conn_->has_written()) tries_.stop_keeping();
  if (tries_.replay != Replay::kOff) tries_.kept.compact(services_.loop.buffers());
}

// Written anew for each try; what the client says under that name means nothing.
void Exchange::tell_deadline() {
  const RouteTimeouts& timeouts = rule_->value->timeouts;
  std::chrono::milliseconds left = timeouts.backend_request;
  if (timeouts.request.count() > 0) {
    const std::chrono::microseconds gone(net::EventLoop::clock_us() - started_us_);
    const auto rest = timeouts.request - std::chrono::floor<std::chrono::milliseconds>(gone);
    left = left.count() > 0 ? std::min(left, rest) : rest;
  }
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, std::max<std::int64_t>(left.count(), 0)).ptr;
  start_->head.headers().set(timeouts.deadline_header, {digits, static_cast<std::size_t>(end - digits)});
}

void Exchange::on_try_timeout() {
  const bool has_written = conn_ && conn_->has_written();
  fail({ErrorCode::kUpstreamTimeout,
        ErrorSide::kUpstream,
        has_written ? RetrySafety::kIfIdempotent : RetrySafety::kSafe,
        "per_try",
        {}});
}

void Exchange::on_backend_timeout() {
  fail(
      {ErrorCode::kUpstreamTimeout, ErrorSide::kUpstream, RetrySafety::kIfIdempotent, "backend_request", {}});
}

}  // namespace ingress::proxy
