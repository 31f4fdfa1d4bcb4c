// What the bounds of the tables do not say about health checks and outlier detection.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "config/checks.h"
#include "config/syntax.h"

namespace ingress::config {
namespace {

// What may stand in a request line or in a Host field.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

void check_health_check(const HealthCheck& check, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(check, field, reporter);
  const bool is_path = check.path.starts_with('/') && is_visible(check.path) && !check.path.contains('#');
  if (!check.path.empty() && !is_path) {  // the bounds have reported an empty one
    reporter.error(field.at("path"), fmt::format("is {}", quoted(check.path)),
                   "start it with / and encode spaces, # and what is not ASCII");
  }
  if (!is_visible(check.host)) {
    reporter.error(field.at("host"), fmt::format("is {}", quoted(check.host)),
                   "use a host name or address, and a port if need be");
  }
  // Protobuf's strings are UTF-8; a name in there that is none would fail every probe.
  if (!base::is_utf8(check.grpc_service)) {
    reporter.error(field.at("grpc_service"),
                   fmt::format("is {}, which is no UTF-8", quoted(check.grpc_service)),
                   "use the full name of a service, package.Service");
  }
  if (!check.grpc_service.empty() && check.type != HealthCheckType::kGrpc) {
    reporter.warning(field.at("grpc_service"), "means nothing for this type",
                     "set type to grpc, or leave it out");
  }
  for (std::size_t i = 0; i < check.expected_statuses.size(); ++i) {
    const StatusRange& range = check.expected_statuses[i];
    const FieldPath range_field = field.at("expected_statuses", i);
    check_table_bounds(range, range_field, reporter);
    if (range.first > range.last) {
      reporter.error(range_field, fmt::format("goes from {} to {}", range.first, range.last),
                     "put the lower status first");
    }
  }
}

void check_outlier_detection(const OutlierDetection& detection, const FieldPath& field, Reporter& reporter) {
  check_table_bounds(detection, field, reporter);
  if (detection.max_ejection_time < detection.base_ejection_time) {
    reporter.warning(field.at("max_ejection_time_ms"), "is less than base_ejection_time_ms, which holds then",
                     "make it the longer of the two");
  }
}

}  // namespace ingress::config
