// When a request is tried again, how often, and at what pace. Part of the typed model (IR).
//
// Without a policy, a request is tried once more when no connection could be made. With or without one, a
// kept connection that turns out to be closed is replaced once, uncounted, when that is safe (RFC 9110
// 9.2.2). Nothing is tried again once the response head has reached a filter or the client.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace ingress {

enum class RetryCondition : std::uint8_t {
  kConnectFailure,  // no connection to the endpoint
  kReset,           // the connection ended before the response head was complete
  kPerTryTimeout,   // no response head within the time limits of one try
};

enum class RetryMethods : std::uint8_t {
  kIdempotent,  // GET, HEAD, PUT, DELETE, OPTIONS, TRACE; others only when no byte of them was sent
  kAny,         // the backends tell doubles by themselves
};

// Before the n-th retry a random time below base * 2^(n-1), and never more than `max`.
struct RetryBackoff {
  std::chrono::milliseconds base{25};  // 0 = at once
  std::chrono::milliseconds max{250};
  friend bool operator==(const RetryBackoff&, const RetryBackoff&) = default;
};

// Keeps retries from drowning backends that are short of strength: how many exchanges of one cluster may be
// in a retry at the same time, in each worker. Beyond it the failure is passed on.
struct RetryBudget {
  std::uint32_t percent = 20;        // of the exchanges under way; 0 = only `min_concurrent`
  std::uint32_t min_concurrent = 3;  // always allowed
  friend bool operator==(const RetryBudget&, const RetryBudget&) = default;
};

struct RetryPolicy {
  std::vector<RetryCondition> retry_on = {};  // any of them
  std::vector<std::uint16_t> codes = {};      // and responses of these statuses, 400 to 599
  std::uint32_t attempts = 1;                 // retries, the first try not counted
  RetryMethods methods = RetryMethods::kIdempotent;
  // Of one try: endpoint chosen, or request read if that is later, to response head complete; 0 = none.
  std::chrono::milliseconds per_try_timeout{0};
  RetryBackoff backoff = {};
  RetryBudget budget = {};
  std::uint32_t buffer_bytes = 64 * 1024;  // of the request's body; a longer one is not sent again
  friend bool operator==(const RetryPolicy&, const RetryPolicy&) = default;
};

}  // namespace ingress
