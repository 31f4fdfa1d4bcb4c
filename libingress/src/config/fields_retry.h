// The fields of retry policies; see config/fields.h.
#pragma once

#include <array>

#include "config/field_info.h"
#include "ingress/retry.h"

namespace ingress::config {

constexpr std::array<EnumInfo<RetryCondition>, 3> enum_table(RetryCondition) {
  return {{{RetryCondition::kConnectFailure, "connect_failure", "no connection to the endpoint"},
           {RetryCondition::kReset, "reset", "the connection ended before the response head was complete"},
           {RetryCondition::kPerTryTimeout, "per_try_timeout", "no response head in time"}}};
}
constexpr std::array<EnumInfo<RetryMethods>, 2> enum_table(RetryMethods) {
  return {{{RetryMethods::kIdempotent, "idempotent",
            "GET, HEAD, PUT, DELETE, OPTIONS, TRACE; others only when no byte of them was sent"},
           {RetryMethods::kAny, "any", "the backends tell doubles by themselves"}}};
}

constexpr TypeInfo type_info(const RetryBackoff*) {
  return {"retry_backoff",
          "Before the n-th retry a random time below `base_ms` * 2^(n-1), and never more than `max_ms`"};
}
template <class V>
void describe(V&& visit, const RetryBackoff*) {
  visit({.name = "base_ms", .doc = "0 = at once", .max = 60'000}, &RetryBackoff::base);
  visit({.name = "max_ms", .doc = "at least `base_ms`", .max = 60'000}, &RetryBackoff::max);
}

constexpr TypeInfo type_info(const RetryBudget*) {
  return {"retry_budget",
          "How many exchanges of one cluster may be in a retry at the same time, in each worker; beyond it "
          "the failure is passed on"};
}
template <class V>
void describe(V&& visit, const RetryBudget*) {
  visit({.name = "percent", .doc = "of the exchanges under way", .max = 100}, &RetryBudget::percent);
  visit({.name = "min_concurrent", .doc = "always allowed", .max = 1'000'000}, &RetryBudget::min_concurrent);
}

constexpr TypeInfo type_info(const RetryPolicy*) {
  return {"retry", "When a request is tried again, on an endpoint that has not failed it before"};
}
template <class V>
void describe(V&& visit, const RetryPolicy*) {
  visit({.name = "retry_on",
         .doc = "any of them: no connection to the endpoint; the connection ended before the response head "
                "was complete; no response head within `per_try_timeout_ms`, `backend_request_ms` or the "
                "time limits of the cluster",
         .max = 16},
        &RetryPolicy::retry_on);
  visit({.name = "codes", .doc = "and responses of these statuses, 400 to 599", .max = 64},
        &RetryPolicy::codes);
  visit({.name = "attempts", .doc = "retries, the first try not counted", .min = 1, .max = 10},
        &RetryPolicy::attempts);
  visit({"methods", "which requests may be sent twice"}, &RetryPolicy::methods);
  visit({.name = "per_try_timeout_ms",
         .doc = "endpoint chosen, or request read if that is later, to response head complete; 0 = none",
         .max = kMaxTimeoutMs},
        &RetryPolicy::per_try_timeout);
  visit({"backoff", "how long to wait before a retry"}, &RetryPolicy::backoff);
  visit({"budget", "how many retries at the same time"}, &RetryPolicy::budget);
  visit({.name = "buffer_bytes",
         .doc = "kept of the request's body; when more of it was sent, it is not sent again",
         .max = 16 * 1024 * 1024},
        &RetryPolicy::buffer_bytes);
}

}  // namespace ingress::config
