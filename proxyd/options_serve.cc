#include "proxyd/options_serve.h"

#include "proxyd/cpu_count.h"
#include "proxyd/option_values.h"

namespace proxyd {

void add_admin_options(CLI::App& app, RawAdmin& raw) {
  add_option(app, "--admin", raw.admin, "ADDR:PORT|unix:PATH",
             "Serve state, problems, health and metrics here");
  add_option(app, "--probe-address", raw.probe, "ADDR:PORT", "Serve only health and metrics here");
}

void read_admin(OptionReader& reader, const RawAdmin& raw, std::optional<ingress::Listener>& admin,
                std::optional<ingress::Listener>& probe) {
  reader.read("--admin", raw.admin, admin, parse_listen_address(raw.admin, UnixPaths::kAllowed));
  reader.read("--probe-address", raw.probe, probe, parse_listen_address(raw.probe, UnixPaths::kRefused));
  if (admin) admin->name = "admin";
  if (probe) probe->name = "probe";
}

void add_serve_options(CLI::App& app, RawServe& raw) {
  add_admin_options(app, raw.admin);
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
  add_option(app, "--user", raw.user, "NAME",
             "Whom the serving process becomes when it is root; \"root\" stays [a number that no user has]");
  add_flag(app, "--sandbox", raw.sandbox,
           "Give up rights in the serving process, and system calls that serving never needs; =false is for "
           "debuggers and profilers [true]");
}

ServeOptions read_serve(OptionReader& reader, const RawServe& raw) {
  ServeOptions options;
  read_admin(reader, raw.admin, options.admin, options.probe);
  if (!raw.sandbox) options.sandbox = Sandbox::kOff;
  options.user = raw.user;
  if (!raw.sandbox && !raw.user.empty()) reader.fail("--user has no meaning with --sandbox=false");
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
