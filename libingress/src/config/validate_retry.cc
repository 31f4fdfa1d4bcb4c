// What must hold of a rule's retry policy and time limits beyond the bounds of the field tables.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"

namespace ingress::config {
namespace {

// Fields that frame or route a message: a number in them would break it.
constexpr std::array<std::string_view, 9> kReservedHeaders = {"connection", "content-length",    "expect",
                                                              "host",       "keep-alive",        "te",
                                                              "trailer",    "transfer-encoding", "upgrade"};

void check_conditions(const RetryPolicy& retry, const FieldPath& field, Reporter& reporter) {
  for (std::size_t i = 0; i < retry.retry_on.size(); ++i) {
    if (!is_within_bounds({}, retry.retry_on[i])) {
      reporter.error(field.at("retry_on", i), "is no condition",
                     "use connect_failure, reset or per_try_timeout");
    }
  }
  for (std::size_t i = 0; i < retry.codes.size(); ++i) {
    if (retry.codes[i] < 400 || retry.codes[i] > 599) {
      reporter.error(field.at("codes", i), fmt::format("is {}, which is no failure", retry.codes[i]),
                     "use statuses from 400 to 599");
    }
  }
  if (retry.retry_on.empty() && retry.codes.empty()) {
    reporter.warning(field, "has neither retry_on nor codes: only closed connections are replaced",
                     "name a condition or a status, or remove the policy");
  }
}

}  // namespace

void check_retry(const RetryPolicy& retry, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(retry, field, reporter);
  check_table_bounds(retry.backoff, field.at("backoff"), reporter);
  check_table_bounds(retry.budget, field.at("budget"), reporter);
  check_conditions(retry, field, reporter);
  if (retry.backoff.base > retry.backoff.max && retry.backoff.max.count() >= 0) {
    const FieldPath backoff = field.at("backoff");
    reporter.error(
        backoff.at("base_ms"),
        fmt::format("is {} and max_ms is {}", retry.backoff.base.count(), retry.backoff.max.count()),
        "use a base_ms of at most max_ms");
  }
}

void check_timeouts(const RouteTimeouts& timeouts, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(timeouts, field, reporter);
  // Gateway API, HTTPRouteTimeouts.backendRequest: the whole includes each of its tries.
  if (timeouts.request.count() > 0 && timeouts.backend_request > timeouts.request) {
    reporter.error(
        field.at("backend_request_ms"),
        fmt::format("is {} and request_ms is {}", timeouts.backend_request.count(), timeouts.request.count()),
        "use at most request_ms, which includes every try");
  }
  if (timeouts.deadline_header.empty()) return;
  const std::string name = base::to_lower_ascii(timeouts.deadline_header);
  if (!base::is_token(name) || std::ranges::find(kReservedHeaders, name) != kReservedHeaders.end()) {
    reporter.error(
        field.at("deadline_header"),
        fmt::format("is {}, which cannot carry a number of milliseconds", quoted(timeouts.deadline_header)),
        "use a header name of your own such as X-Request-Timeout-Ms");
  } else if (timeouts.request.count() == 0 && timeouts.backend_request.count() == 0) {
    reporter.error(field.at("deadline_header"), "is set although there is no time limit",
                   "set request_ms or backend_request_ms, or remove it");
  }
}

}  // namespace ingress::config
