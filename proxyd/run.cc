#include "proxyd/run.h"

#include <sys/prctl.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>

#include "proxyd/log.h"
#include "proxyd/process/serving.h"
#include "proxyd/process/supervisor.h"
#include "proxyd/process/supervisor_client.h"
#include "proxyd/sources.h"

namespace proxyd {

int run_daemon(const RunOptions& options, char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that goes away must not end the daemon
  if (auto setup = take_child_setup()) {
    prctl(PR_SET_NAME, "proxyd-serving");
    return run_serving(options, std::move(*setup));
  }
  if (const std::string missing = missing_input(options.input); !missing.empty()) {
    log_line(missing);
    return 1;
  }
  // Told and not found out anew: each of them needs a socket, and sockets stay.
  ::setenv("PROXYD_WORKERS", std::to_string(options.serve.workers).c_str(), 1);
  Supervisor supervisor({.roles = {kServingName}, .access_log = options.serve.access_log, .argv = argv});
  return supervisor.run();
}

}  // namespace proxyd
