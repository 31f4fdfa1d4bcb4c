#include "proxyd/process/serving_pages.h"

#include "proxyd/admin_pages.h"
#include "proxyd/options.h"

namespace proxyd {
namespace {

// Who is ready can tell what is wrong, too; after a restart what is served was good before.
std::vector<std::string> why_not_ready(const ServingSources& sources, const ControllerReading& reading) {
  auto reasons = reasons_not_ready(sources.proxy.status());
  if (reasons.empty() && !reading.has_reported && !sources.is_restored)
    reasons.emplace_back("the controller has not reported yet");
  if (reasons.empty() && !sources.is_kept)
    reasons.emplace_back("the configuration is not kept for the process after this one yet");
  return reasons;
}

ingress::Reply readiness(const ServingSources& sources) {
  const ControllerReading reading = sources.controller.reading();
  const auto reasons = why_not_ready(sources, reading);
  return json_reply(reasons.empty() ? 200 : 503,
                    readiness_page(reasons, ControllerPresence{.is_connected = reading.is_connected,
                                                               .why = reading.why,
                                                               .since_unix_ms = reading.since_unix_ms}));
}

ingress::Reply metrics(const ServingSources& sources) {
  const ControllerReading reading = sources.controller.reading();
  DaemonReading daemon{.is_ready = why_not_ready(sources, reading).empty(),
                       .is_controller_connected = reading.is_connected,
                       .num_log_lines_dropped = sources.access_log ? sources.access_log->num_dropped() : 0,
                       .version = version(),
                       .controller_text = reading.report.metrics_text};
  daemon.board.problems = reading.report.problems;
  daemon.board.num_ignored_ingresses = reading.report.num_ignored;
  daemon.board.num_reloads_ok = reading.report.reloads_ok;
  daemon.board.num_reloads_failed = reading.report.reloads_failed;
  return metrics_reply(metrics_page(sources.proxy.metrics(), daemon));
}

}  // namespace

std::vector<AdminPage> serving_pages(const ServingSources& sources) {
  return {
      {"/generation", ServedOn::kAdmin,
       [sources] { return json_reply(200, generation_page(sources.proxy.status())); }},
      {"/config", ServedOn::kAdmin, [sources] { return json_reply(200, sources.proxy.config_json()); }},
      {"/clusters", ServedOn::kAdmin,
       [sources] { return json_reply(200, clusters_page(sources.proxy.clusters())); }},
      {"/problems", ServedOn::kAdmin,
       [sources] { return json_reply(200, problems_page(sources.controller.reading().report.problems)); }},
      {"/readyz", ServedOn::kBoth, [sources] { return readiness(sources); }},
      {"/metrics", ServedOn::kBoth, [sources] { return metrics(sources); }},
  };
}

}  // namespace proxyd
