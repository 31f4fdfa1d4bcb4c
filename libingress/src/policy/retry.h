// Whether a try that failed is followed by another. Pure: facts in, decision out.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ingress/retry.h"

namespace ingress::policy {

// In the order of the metric's label values, to_string().
enum class TryFailure : std::uint8_t {
  kConnectFailure,
  kStaleConnection,  // a kept connection had been closed by the backend
  kReset,
  kPerTryTimeout,
  kStatus,  // a response, of one of RetryPolicy::codes
};
inline constexpr std::size_t kNumTryFailures = 5;
std::string_view to_string(TryFailure failure);

struct TryFacts {
  TryFailure failure;
  bool is_idempotent;   // the request's method (RFC 9110 9.2.2)
  bool may_have_acted;  // bytes of the request may have reached the backend
  bool can_send_again;  // all that was sent of the body is held, or nothing was sent
  bool was_replaced;    // a closed connection was replaced before
  std::uint32_t num_retries;
};

enum class RetryStep : std::uint8_t {
  kGiveUp,
  kReplaceConnection,  // at once and not counted
  kAtOnce,
  kAfterBackoff,  // when the budget allows it
};
enum class RetryRefusal : std::uint8_t { kNone, kNotAsked, kAttempts, kMethod, kBody, kBudget, kBreaker };
inline constexpr std::size_t kNumRetryRefusals = 7;
std::string_view to_string(RetryRefusal refusal);

struct RetryDecision {
  RetryStep step;
  RetryRefusal refusal = RetryRefusal::kNone;  // of kGiveUp
  friend bool operator==(const RetryDecision&, const RetryDecision&) = default;
};

// `policy` null: what is done without one.
RetryDecision decide_retry(const RetryPolicy* policy, const TryFacts& facts);

bool is_idempotent(std::string_view method);
bool is_retriable_status(const RetryPolicy& policy, std::uint16_t status);

// The wait before retry number `retry` (from 1); `random` is any number.
std::chrono::milliseconds backoff_before(const RetryBackoff& backoff, std::uint32_t retry,
                                         std::uint64_t random);
// How many exchanges may be in a retry while `num_active` are under way.
std::uint64_t allowed_retries(const RetryBudget& budget, std::uint64_t num_active);

}  // namespace ingress::policy
