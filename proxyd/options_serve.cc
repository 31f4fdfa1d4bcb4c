#include "proxyd/options_serve.h"

#include "proxyd/cpu_count.h"
#include "proxyd/option_values.h"

namespace proxyd {

void add_serve_options(CLI::App& app, RawServe& raw) {
  add_option(app, "--admin", raw.admin, "ADDR:PORT|unix:PATH",
             "Serve state, problems, health and metrics here");
  add_option(app, "--probe-address", raw.probe, "ADDR:PORT", "Serve only health and metrics here");
  add_option(app, "--workers", raw.workers, "N", "Threads that serve [CPU affinity or cgroup quota]");
  add_option(app, "--zone", raw.zone, "NAME",
             "Where this process runs, as topology.kubernetes.io/zone says; its endpoints come first");
  add_option(app, "--access-log", raw.access_log, "PATH|stdout|off",
             "Where requests are written down [stdout]");
  add_option(app, "--shutdown-delay", raw.shutdown_delay, "TIME",
             "After SIGTERM go on accepting for so long [0s]");
  add_option(app, "--drain-timeout", raw.drain_timeout, "TIME",
             "After accepting ended, let requests run for so long [30s]");
  add_option(app, "--tunnel-drain-timeout", raw.tunnel_drain_timeout, "TIME",
             "And upgraded connections (WebSocket) for so long [10s]");
}

ServeOptions read_serve(OptionReader& reader, const RawServe& raw) {
  ServeOptions options;
  reader.read("--admin", raw.admin, options.admin, parse_listen_address(raw.admin, UnixPaths::kAllowed));
  reader.read("--probe-address", raw.probe, options.probe,
              parse_listen_address(raw.probe, UnixPaths::kRefused));
  if (options.admin) options.admin->name = "admin";
  if (options.probe) options.probe->name = "probe";
  reader.read("--workers", raw.workers, options.workers, parse_workers(raw.workers));
  if (raw.workers.empty()) options.workers = usable_cpus();
  reader.read("--zone", raw.zone, options.zone, parse_zone(raw.zone));
  options.access_log = raw.access_log;
  reader.read("--shutdown-delay", raw.shutdown_delay, options.shutdown_delay,
              parse_duration(raw.shutdown_delay));
  reader.read("--drain-timeout", raw.drain_timeout, options.drain_timeout, parse_duration(raw.drain_timeout));
  reader.read("--tunnel-drain-timeout", raw.tunnel_drain_timeout, options.tunnel_drain_timeout,
              parse_duration(raw.tunnel_drain_timeout));
  return options;
}

}  // namespace proxyd
