#include "policy/retry.h"

#include <doctest/doctest.h>

namespace ingress::policy {
namespace {

using std::chrono::milliseconds;

constexpr RetryDecision kAgain{RetryStep::kAfterBackoff};
constexpr RetryDecision kAtOnce{RetryStep::kAtOnce};
constexpr RetryDecision kReplace{RetryStep::kReplaceConnection};
constexpr RetryDecision refused(RetryRefusal why) {
  return {RetryStep::kGiveUp, why};
}

RetryPolicy everything() {
  return {
      .retry_on = {RetryCondition::kConnectFailure, RetryCondition::kReset, RetryCondition::kPerTryTimeout},
      .codes = {503},
      .attempts = 2};
}

// A GET whose bytes have left, at its first failure.
constexpr TryFacts facts(TryFailure failure) {
  return {.failure = failure,
          .is_idempotent = true,
          .may_have_acted = true,
          .can_send_again = true,
          .was_replaced = false,
          .num_retries = 0};
}

struct Row {
  const char* name;
  TryFacts facts;
  RetryDecision without, with;
};

TEST_CASE("WhetherATryIsFollowedByAnother") {
  const auto with = [](TryFacts base, auto change) {
    change(base);
    return base;
  };
  const TryFacts connect = facts(TryFailure::kConnectFailure), stale = facts(TryFailure::kStaleConnection),
                 reset = facts(TryFailure::kReset), slow = facts(TryFailure::kPerTryTimeout),
                 status = facts(TryFailure::kStatus);
  const auto post = [](TryFacts& f) { f.is_idempotent = false; };
  const auto unsent_post = [](TryFacts& f) { f.is_idempotent = f.may_have_acted = false; };
  const auto body_gone = [](TryFacts& f) { f.can_send_again = false; };
  const auto second = [](TryFacts& f) { f.num_retries = 1; };
  const auto third = [](TryFacts& f) { f.num_retries = 2; };
  const auto replaced = [](TryFacts& f) { f.was_replaced = true; };
  constexpr auto kNotAsked = RetryRefusal::kNotAsked, kAttempts = RetryRefusal::kAttempts,
                 kMethod = RetryRefusal::kMethod, kBody = RetryRefusal::kBody;
  const Row rows[] = {
      {"connect", connect, kAtOnce, kAgain},
      {"connect, POST", with(connect, unsent_post), kAtOnce, kAgain},
      {"connect, second", with(connect, second), refused(kAttempts), kAgain},
      {"connect, third", with(connect, third), refused(kAttempts), refused(kAttempts)},
      {"stale", stale, kReplace, kReplace},
      {"stale, after all retries", with(stale, third), kReplace, kReplace},
      {"stale, POST that was written", with(stale, post), refused(kNotAsked), refused(kMethod)},
      {"stale, POST that was not", with(stale, unsent_post), kReplace, kReplace},
      {"stale, body gone", with(stale, body_gone), refused(kBody), refused(kBody)},
      {"stale once more", with(stale, replaced), refused(kNotAsked), kAgain},
      {"reset", reset, refused(kNotAsked), kAgain},
      {"reset, POST", with(reset, post), refused(kNotAsked), refused(kMethod)},
      {"reset, body gone", with(reset, body_gone), refused(kNotAsked), refused(kBody)},
      {"slow", slow, refused(kNotAsked), kAgain},
      {"slow, POST", with(slow, post), refused(kNotAsked), refused(kMethod)},
      {"status", status, refused(kNotAsked), kAgain},
      {"status, third", with(status, third), refused(kNotAsked), refused(kAttempts)},
      {"status, POST", with(status, post), refused(kNotAsked), refused(kMethod)},
  };
  const RetryPolicy policy = everything();
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(decide_retry(nullptr, row.facts) == row.without);
    CHECK(decide_retry(&policy, row.facts) == row.with);
  }
}

TEST_CASE("APolicyThatAllowsAnyMethodSendsAPostTwice") {
  RetryPolicy policy = everything();
  policy.methods = RetryMethods::kAny;
  for (const TryFailure failure :
       {TryFailure::kReset, TryFailure::kStaleConnection, TryFailure::kPerTryTimeout, TryFailure::kStatus}) {
    CAPTURE(to_string(failure));
    TryFacts post = facts(failure);
    post.is_idempotent = false;
    CHECK(decide_retry(&policy, post) == kAgain);
  }
}

TEST_CASE("ConditionsThatAreNotListedAreNotTriedAgain") {
  const RetryPolicy policy{.codes = {503}};
  for (const TryFailure failure :
       {TryFailure::kConnectFailure, TryFailure::kReset, TryFailure::kPerTryTimeout}) {
    CAPTURE(to_string(failure));
    CHECK(decide_retry(&policy, facts(failure)) == refused(RetryRefusal::kNotAsked));
  }
  CHECK(is_retriable_status(policy, 503));
  CHECK_FALSE(is_retriable_status(policy, 502));
}

TEST_CASE("TheWaitIsRandomBelowADoublingCeiling") {
  const RetryBackoff backoff{.base = milliseconds(25), .max = milliseconds(120)};
  const std::int64_t ceilings[] = {25, 50, 100, 120, 120};
  for (std::uint32_t retry = 1; retry <= 5; ++retry) {
    CAPTURE(retry);
    const std::int64_t ceiling = ceilings[retry - 1];
    CHECK(backoff_before(backoff, retry, 0) == milliseconds(0));
    CHECK(backoff_before(backoff, retry, static_cast<std::uint64_t>(ceiling)) == milliseconds(ceiling));
    CHECK(backoff_before(backoff, retry, static_cast<std::uint64_t>(ceiling) + 1) == milliseconds(0));
  }
  CHECK(backoff_before({.base = milliseconds(60'000), .max = milliseconds(60'000)}, ~0U, 60'000) ==
        milliseconds(60'000));
  CHECK(backoff_before({.base = milliseconds(0), .max = milliseconds(0)}, 1, 77) == milliseconds(0));
}

TEST_CASE("TheBudgetIsAShareWithAMinimum") {
  const RetryBudget budget{.percent = 20, .min_concurrent = 3};
  CHECK(allowed_retries(budget, 0) == 3);
  CHECK(allowed_retries(budget, 15) == 3);
  CHECK(allowed_retries(budget, 100) == 20);
  CHECK(allowed_retries({.percent = 0, .min_concurrent = 0}, 1'000'000) == 0);
}

TEST_CASE("IdempotentMethodsAreThoseOfTheRfc") {
  for (const char* method : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
    CHECK(is_idempotent(method));
  for (const char* method : {"POST", "PATCH", "get", ""}) CHECK_FALSE(is_idempotent(method));
}

}  // namespace
}  // namespace ingress::policy
