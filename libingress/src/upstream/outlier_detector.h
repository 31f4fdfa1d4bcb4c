// Which endpoints answer worse than they should, and for how long they get no requests. Pure: results and
// the time come in, decisions go out.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ingress/cluster.h"
#include "ingress/health.h"

namespace ingress::upstream {

// What became of one attempt, as far as it tells something about its endpoint.
enum class TryOutcome : std::uint8_t {
  kOk,
  kServerError,     // a status from 500 on that is not one of those below
  kGatewayFailure,  // 502, 503, 504, no connection, no answer, no answer in time, no HTTP
};
TryOutcome to_outcome(std::uint16_t status);

enum class EjectionReason : std::uint8_t { kConsecutive5xx, kConsecutiveGatewayFailure, kSuccessRate };
std::string_view to_string(EjectionReason reason);

// The results of one endpoint. Owner: whoever counts; one thread.
struct OutlierCounts {
  std::uint32_t num_5xx_in_row = 0, num_gateway_in_row = 0;
  std::uint32_t num_requests = 0, num_ok = 0;  // since the last look
};
// A reason when this outcome is the one too many; the row then starts anew.
std::optional<EjectionReason> note_outcome(OutlierCounts& counts, TryOutcome outcome,
                                           const OutlierDetection& settings);

// What a cluster asks for, and who hears that an endpoint has met it.
struct OutlierRule {
  OutlierDetection settings;
  std::function<void(const Endpoint&, EjectionReason)> on_outlier;
};
// One endpoint in one worker.
struct OutlierWatch {
  std::shared_ptr<const OutlierRule> rule;
  OutlierCounts counts;
};

struct SuccessRate {
  std::uint64_t num_requests = 0, num_ok = 0;
};
// The indexes of those whose success rate lies below mean - factor * standard deviation of all that had
// enough requests.
std::vector<std::size_t> find_outliers(std::span<const SuccessRate> rates, const OutlierDetection& settings);

// Whether one more of `num_endpoints` may be ejected: within max_ejection_percent, or the first.
bool may_eject(std::size_t num_endpoints, std::size_t num_ejected, const OutlierDetection& settings);
// How long the `num_ejections`-th ejection in a row lasts, counted from 1.
std::chrono::milliseconds ejection_time(std::uint32_t num_ejections, const OutlierDetection& settings);

}  // namespace ingress::upstream
