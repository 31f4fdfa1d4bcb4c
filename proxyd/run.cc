#include "proxyd/run.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxyd/log.h"
#include "proxyd/process/child_process.h"
#include "proxyd/process/controlling.h"
#include "proxyd/process/serving.h"
#include "proxyd/process/supervisor.h"
#include "proxyd/process/supervisor_client.h"
#include "proxyd/sources.h"

namespace proxyd {
namespace {

int supervise(const ServeOptions& options, std::vector<const char*> roles, char* const* argv) {
  // Told and not found out anew: each of them needs a socket, and sockets stay.
  ::setenv("PROXYD_WORKERS", std::to_string(options.workers).c_str(), 1);
  Supervisor supervisor({.roles = std::move(roles), .access_log = options.access_log, .argv = argv});
  return supervisor.run();
}

}  // namespace

int run_daemon(const RunOptions& options, char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the daemon
  auto setup = take_child_setup();
  if (setup && setup->role == ChildSetup::Role::kServing) {
    prctl(PR_SET_NAME, "proxyd-serving");
    return run_serving(options.serve, nullptr, std::move(*setup));
  }
  if (setup) {
    prctl(PR_SET_NAME, "proxyd-control");
    return run_controlling({.input = options.input, .link = {}, .admin = {}, .probe = {}}, std::move(setup));
  }
  if (const std::string missing = missing_input(options.input); !missing.empty()) {
    log_line(missing);
    return 1;
  }
  return supervise(options.serve, {kServingName, kControllerName}, argv);
}

int run_data_plane(const DataPlaneOptions& options, char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (auto setup = take_child_setup()) {
    prctl(PR_SET_NAME, "proxyd-serving");
    return run_serving(options.serve, &options.link, std::move(*setup));
  }
  return supervise(options.serve, {kServingName}, argv);
}

int run_controller(const ControllerOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);
  return run_controlling(options, std::nullopt);
}

}  // namespace proxyd
