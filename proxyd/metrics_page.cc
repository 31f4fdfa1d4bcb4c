#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "proxyd/admin_pages.h"

namespace proxyd {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

prometheus::MetricType to_prometheus(ingress::MetricType type) {
  switch (type) {
    case ingress::MetricType::kCounter:
      return prometheus::MetricType::Counter;
    case ingress::MetricType::kGauge:
      return prometheus::MetricType::Gauge;
    case ingress::MetricType::kHistogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric to_prometheus(const ingress::MetricSample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  metric.counter.value = metric.gauge.value = sample.value;
  metric.histogram.sample_sum = sample.value;
  metric.histogram.sample_count = sample.count;
  for (const auto& [bound, count] : sample.buckets) metric.histogram.bucket.push_back({count, bound});
  // The format demands a last bucket without bound; the serializer adds none to a list that is not empty.
  const double infinity = std::numeric_limits<double>::infinity();
  if (sample.buckets.empty() || sample.buckets.back().first != infinity)
    metric.histogram.bucket.push_back({sample.count, infinity});
  return metric;
}

prometheus::MetricFamily to_prometheus(const ingress::MetricFamily& family) {
  prometheus::MetricFamily result;
  result.name = "proxyd_" + family.name;
  result.help = family.help;
  result.type = to_prometheus(family.type);
  for (const ingress::MetricSample& sample : family.samples) result.metric.push_back(to_prometheus(sample));
  return result;
}

ingress::MetricFamily family(std::string name, std::string help, ingress::MetricType type) {
  return {.name = std::move(name), .help = std::move(help), .type = type, .samples = {}};
}

void add(ingress::MetricFamily& family, double value, Labels labels = {}) {
  family.samples.push_back({.labels = std::move(labels), .value = value});
}

void add_stapling(const StaplingReading& stapling, ingress::Metrics& metrics) {
  using enum ingress::MetricType;
  auto& certificates = metrics.emplace_back(family(
      "ocsp_certificates", "Certificates that name an OCSP responder, by what there is for them.", kGauge));
  const auto num_answered = static_cast<double>(stapling.num_answered);
  add(certificates, num_answered, {{"response", "valid"}});
  add(certificates, static_cast<double>(stapling.num_certificates) - num_answered, {{"response", "none"}});
  auto& fetches = metrics.emplace_back(
      family("ocsp_fetches_total", "Questions to OCSP responders that ended.", kCounter));
  add(fetches, static_cast<double>(stapling.num_fetches_ok), {{"outcome", "ok"}});
  add(fetches, static_cast<double>(stapling.num_fetches_failed), {{"outcome", "failed"}});
}

ingress::Metrics daemon_metrics(const DaemonReading& daemon) {
  using enum ingress::MetricType;
  const BoardReading& board = daemon.board;
  const auto num_errors = static_cast<double>(
      std::ranges::count(board.problems, ingress::Severity::kError, &ingress::Problem::severity));
  ingress::Metrics metrics;
  auto& problems = metrics.emplace_back(family("config_problems", "Problems listed by /problems.", kGauge));
  add(problems, num_errors, {{"severity", "error"}});
  add(problems, static_cast<double>(board.problems.size()) - num_errors, {{"severity", "warning"}});
  add(metrics.emplace_back(family("ignored_ingresses", "Ingresses of other classes.", kGauge)),
      static_cast<double>(board.num_ignored_ingresses));
  auto& reloads = metrics.emplace_back(
      family("config_reloads_total", "Configurations handed to the workers, or refused.", kCounter));
  add(reloads, static_cast<double>(board.num_reloads_ok), {{"outcome", "ok"}});
  add(reloads, static_cast<double>(board.num_reloads_failed), {{"outcome", "failed"}});
  add(metrics.emplace_back(
          family("access_log_dropped_total", "Lines of the access log that were lost.", kCounter)),
      static_cast<double>(daemon.num_log_lines_dropped));
  add(metrics.emplace_back(family("ready", "1 when /readyz says 200.", kGauge)), daemon.is_ready ? 1 : 0);
  if (daemon.is_controller_connected) {
    add(metrics.emplace_back(
            family("controller_connected", "1 while the process that translates is there.", kGauge)),
        *daemon.is_controller_connected ? 1 : 0);
  }
  add(metrics.emplace_back(family("build_info", "Always 1; the version is a label.", kGauge)), 1,
      {{"version", std::string(daemon.version)}});
  return metrics;
}

std::string to_text(const ingress::Metrics& metrics) {
  std::vector<prometheus::MetricFamily> families;
  for (const ingress::MetricFamily& family : metrics) families.push_back(to_prometheus(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace

std::string controller_metrics_text(const BoardReading& board) {
  ingress::Metrics metrics;
  add(metrics.emplace_back(family("config_last_reload_timestamp_seconds",
                                  "When a configuration was last handed to the workers; 0 = never.",
                                  ingress::MetricType::kGauge)),
      static_cast<double>(board.last_reload_unix_s));
  if (board.stapling) add_stapling(*board.stapling, metrics);
  metrics.insert(metrics.end(), board.source_metrics.begin(), board.source_metrics.end());
  return to_text(metrics);
}

std::string metrics_page(const ingress::Metrics& server, const DaemonReading& daemon) {
  std::vector<prometheus::MetricFamily> families;
  for (const ingress::MetricFamily& family : server) families.push_back(to_prometheus(family));
  for (const ingress::MetricFamily& family : daemon_metrics(daemon))
    families.push_back(to_prometheus(family));
  return prometheus::TextSerializer().Serialize(families) + std::string(daemon.controller_text);
}

}  // namespace proxyd
