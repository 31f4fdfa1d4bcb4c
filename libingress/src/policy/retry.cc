#include "policy/retry.h"

#include <algorithm>

namespace ingress::policy {
namespace {

constexpr std::uint32_t kRetriesWithoutPolicy = 1;

bool is_asked_for(const RetryPolicy* policy, TryFailure failure) {
  if (policy == nullptr) return failure == TryFailure::kConnectFailure;
  const auto lists = [&](RetryCondition condition) {
    return std::ranges::find(policy->retry_on, condition) != policy->retry_on.end();
  };
  switch (failure) {
    case TryFailure::kConnectFailure:
      return lists(RetryCondition::kConnectFailure);
    case TryFailure::kStaleConnection:
    case TryFailure::kReset:
      return lists(RetryCondition::kReset);
    case TryFailure::kPerTryTimeout:
      return lists(RetryCondition::kPerTryTimeout);
    case TryFailure::kStatus:
      return true;  // its status was looked up
  }
  return false;
}

RetryDecision give_up(RetryRefusal refusal) {
  return {RetryStep::kGiveUp, refusal};
}

}  // namespace

RetryDecision decide_retry(const RetryPolicy* policy, const TryFacts& facts) {
  const bool is_harmless = facts.is_idempotent || !facts.may_have_acted;
  if (facts.failure == TryFailure::kStaleConnection && is_harmless && !facts.was_replaced) {
    if (!facts.can_send_again) return give_up(RetryRefusal::kBody);
    return {RetryStep::kReplaceConnection};
  }
  if (!is_asked_for(policy, facts.failure)) return give_up(RetryRefusal::kNotAsked);
  if (facts.num_retries >= (policy == nullptr ? kRetriesWithoutPolicy : policy->attempts)) {
    return give_up(RetryRefusal::kAttempts);
  }
  const bool may_be_doubled = policy != nullptr && policy->methods == RetryMethods::kAny;
  if (!is_harmless && !may_be_doubled) return give_up(RetryRefusal::kMethod);
  if (!facts.can_send_again) return give_up(RetryRefusal::kBody);
  return {policy == nullptr ? RetryStep::kAtOnce : RetryStep::kAfterBackoff};
}

bool is_idempotent(std::string_view method) {
  static constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD",    "PUT",
                                                               "DELETE", "OPTIONS", "TRACE"};
  return std::ranges::find(kMethods, method) != kMethods.end();
}

bool is_retriable_status(const RetryPolicy& policy, std::uint16_t status) {
  return std::ranges::find(policy.codes, status) != policy.codes.end();
}

// Full jitter: backends that failed together must not be asked again together.
std::chrono::milliseconds backoff_before(const RetryBackoff& backoff, std::uint32_t retry,
                                         std::uint64_t random) {
  const std::uint32_t doublings = std::clamp<std::uint32_t>(retry, 1, 17) - 1;
  const auto ceiling = static_cast<std::uint64_t>(
      std::min(backoff.base * (std::int64_t{1} << doublings), backoff.max).count());
  return std::chrono::milliseconds(ceiling == 0 ? 0 : random % (ceiling + 1));
}

std::uint64_t allowed_retries(const RetryBudget& budget, std::uint64_t num_active) {
  return std::max<std::uint64_t>(budget.min_concurrent, num_active * budget.percent / 100);
}

std::string_view to_string(TryFailure failure) {
  switch (failure) {
    case TryFailure::kConnectFailure:
      return "connect_failure";
    case TryFailure::kStaleConnection:
      return "stale_connection";
    case TryFailure::kReset:
      return "reset";
    case TryFailure::kPerTryTimeout:
      return "per_try_timeout";
    case TryFailure::kStatus:
      return "status";
  }
  return "";
}

std::string_view to_string(RetryRefusal refusal) {
  switch (refusal) {
    case RetryRefusal::kNone:
    case RetryRefusal::kNotAsked:
      return "";
    case RetryRefusal::kAttempts:
      return "attempts";
    case RetryRefusal::kMethod:
      return "method";
    case RetryRefusal::kBody:
      return "body";
    case RetryRefusal::kBudget:
      return "budget";
    case RetryRefusal::kBreaker:
      return "circuit_open";
  }
  return "";
}

}  // namespace ingress::policy
