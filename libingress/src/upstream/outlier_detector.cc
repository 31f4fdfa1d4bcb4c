#include "upstream/outlier_detector.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ingress::upstream {

TryOutcome to_outcome(std::uint16_t status) {
  if (status < 500) return TryOutcome::kOk;
  return status >= 502 && status <= 504 ? TryOutcome::kGatewayFailure : TryOutcome::kServerError;
}

std::string_view to_string(EjectionReason reason) {
  switch (reason) {
    case EjectionReason::kConsecutive5xx:
      return "consecutive_5xx";
    case EjectionReason::kConsecutiveGatewayFailure:
      return "consecutive_gateway_failure";
    case EjectionReason::kSuccessRate:
      return "success_rate";
  }
  return "";
}

std::optional<EjectionReason> note_outcome(OutlierCounts& counts, TryOutcome outcome,
                                           const OutlierDetection& settings) {
  ++counts.num_requests;
  if (outcome == TryOutcome::kOk) {
    ++counts.num_ok;
    counts.num_5xx_in_row = counts.num_gateway_in_row = 0;
    return std::nullopt;
  }
  ++counts.num_5xx_in_row;
  counts.num_gateway_in_row = outcome == TryOutcome::kGatewayFailure ? counts.num_gateway_in_row + 1 : 0;
  const std::uint32_t max_gateway = settings.consecutive_gateway_failure;
  if (max_gateway != 0 && counts.num_gateway_in_row >= max_gateway) {
    counts.num_gateway_in_row = 0;
    return EjectionReason::kConsecutiveGatewayFailure;
  }
  if (settings.consecutive_5xx != 0 && counts.num_5xx_in_row >= settings.consecutive_5xx) {
    counts.num_5xx_in_row = 0;
    return EjectionReason::kConsecutive5xx;
  }
  return std::nullopt;
}

std::vector<std::size_t> find_outliers(std::span<const SuccessRate> rates, const OutlierDetection& settings) {
  std::vector<std::pair<std::size_t, double>> compared;
  double sum = 0;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    if (rates[i].num_requests == 0 || rates[i].num_requests < settings.success_rate_request_volume) continue;
    compared.emplace_back(i,
                          static_cast<double>(rates[i].num_ok) / static_cast<double>(rates[i].num_requests));
    sum += compared.back().second;
  }
  if (settings.success_rate_minimum_hosts == 0 || compared.size() < settings.success_rate_minimum_hosts)
    return {};
  const auto count = static_cast<double>(compared.size());
  const double mean = sum / count;
  double variance = 0;
  for (const auto& [index, rate] : compared) variance += (rate - mean) * (rate - mean) / count;
  const double threshold = mean - settings.success_rate_stdev_factor / 1000.0 * std::sqrt(variance);
  std::vector<std::size_t> outliers;
  for (const auto& [index, rate] : compared) {
    if (rate < threshold) outliers.push_back(index);
  }
  return outliers;
}

bool may_eject(std::size_t num_endpoints, std::size_t num_ejected, const OutlierDetection& settings) {
  if (settings.max_ejection_percent == 0) return false;
  return num_ejected == 0 || (num_ejected + 1) * 100 <= num_endpoints * settings.max_ejection_percent;
}

std::chrono::milliseconds ejection_time(std::uint32_t num_ejections, const OutlierDetection& settings) {
  const auto longest = std::max(settings.base_ejection_time, settings.max_ejection_time);
  return std::min(settings.base_ejection_time * std::int64_t{num_ejections}, longest);
}

}  // namespace ingress::upstream
