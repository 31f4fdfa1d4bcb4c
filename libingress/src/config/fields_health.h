// The fields of health checks and outlier detection; see config/fields.h.
#pragma once

#include <array>
#include <string_view>

#include "config/fields_common.h"
#include "ingress/health.h"

namespace ingress::config {

// Timers have a resolution of 10 ms.
inline constexpr std::int64_t kMinIntervalMs = 10;

constexpr std::array<EnumInfo<HealthCheckType>, 3> enum_table(HealthCheckType) {
  return {{{HealthCheckType::kHttp, "http", "a GET that has to be answered with an expected status"},
           {HealthCheckType::kTcp, "tcp", "a connection that has to come about"},
           {HealthCheckType::kGrpc, "grpc",
            "a call of `grpc.health.v1.Health/Check` that has to be answered with `SERVING`"}}};
}

constexpr TypeInfo type_info(const StatusRange*) {
  return {"status_range", "Statuses from `first` to `last`, both included"};
}
template <class V>
void describe(V&& visit, const StatusRange*) {
  visit({"first", "the lowest", Presence::kRequired, 100, 599}, &StatusRange::first);
  visit({"last", "the highest", Presence::kRequired, 100, 599}, &StatusRange::last);
}

constexpr TypeInfo type_info(const HealthCheck*) {
  return {"health_check",
          "Probes that tell whether an endpoint may get requests; until the first verdict it may"};
}
template <class V>
void describe(V&& visit, const HealthCheck*) {
  visit({"type", "what is probed"}, &HealthCheck::type);
  visit({"path", "asked for by `http`, with its query", Presence::kOptional, 1, 4096}, &HealthCheck::path);
  visit({.name = "grpc_service", .doc = "whose health `grpc` asks for; empty = the server's", .max = 256},
        &HealthCheck::grpc_service);
  visit({.name = "host", .doc = "Host of the request; empty = address and port of the endpoint", .max = 256},
        &HealthCheck::host);
  visit({.name = "expected_statuses", .doc = "that count as success; none = 200", .max = 64},
        &HealthCheck::expected_statuses);
  visit({.name = "interval_ms",
         .doc = "end of a probe to the start of the next",
         .min = kMinIntervalMs,
         .max = kMaxTimeoutMs},
        &HealthCheck::interval);
  visit({.name = "interval_jitter_ms", .doc = "up to so much is added by chance", .max = kMaxTimeoutMs},
        &HealthCheck::interval_jitter);
  visit({.name = "timeout_ms",
         .doc = "connection and answer together; a failure beyond",
         .min = 1,
         .max = kMaxTimeoutMs},
        &HealthCheck::timeout);
  visit({"unhealthy_threshold", "failures in a row that make it unhealthy", Presence::kOptional, 1, 1000},
        &HealthCheck::unhealthy_threshold);
  visit({"healthy_threshold", "successes in a row that make it healthy again", Presence::kOptional, 1, 1000},
        &HealthCheck::healthy_threshold);
}

constexpr TypeInfo type_info(const OutlierDetection*) {
  return {"outlier_detection", "Endpoints that answer worse than they should get no requests for a while"};
}
template <class V>
void describe(V&& visit, const OutlierDetection*) {
  const auto count = [&](std::string_view name, std::string_view doc, auto member) {
    visit({.name = name, .doc = doc, .max = 1'000'000}, member);
  };
  count("consecutive_5xx", "statuses from 500 on and missing answers in a row, per worker; 0 = off",
        &OutlierDetection::consecutive_5xx);
  count("consecutive_gateway_failure", "502, 503, 504 and missing answers in a row, per worker; 0 = off",
        &OutlierDetection::consecutive_gateway_failure);
  count("success_rate_minimum_hosts", "endpoints with enough requests to compare them; 0 = off",
        &OutlierDetection::success_rate_minimum_hosts);
  count("success_rate_request_volume", "requests in an interval that are enough",
        &OutlierDetection::success_rate_request_volume);
  count("success_rate_stdev_factor",
        "thousandths; ejected below the mean rate less so many standard deviations",
        &OutlierDetection::success_rate_stdev_factor);
  visit({.name = "interval_ms",
         .doc = "of comparing, and of letting endpoints back in",
         .min = kMinIntervalMs,
         .max = kMaxTimeoutMs},
        &OutlierDetection::interval);
  visit({.name = "base_ejection_time_ms",
         .doc = "an ejection lasts so long, times the number of ejections in a row",
         .min = 1,
         .max = kMaxTimeoutMs},
        &OutlierDetection::base_ejection_time);
  visit({.name = "max_ejection_time_ms", .doc = "but no longer", .min = 1, .max = kMaxTimeoutMs},
        &OutlierDetection::max_ejection_time);
  visit({.name = "max_ejection_percent",
         .doc = "of the endpoints at once, in the whole process; one may always be, unless it is 0",
         .max = 100},
        &OutlierDetection::max_ejection_percent);
}

}  // namespace ingress::config
