#include "proxyd/run.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <cstdlib>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

#include "proxyd/log.h"
#include "proxyd/process/serving.h"
#include "proxyd/process/supervisor.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {
namespace {

// What was named must be there at the start, where a wrong path is most likely; later it may come and go.
std::string missing_input(const InputOptions& input) {
  const std::string& path = input.config_file.empty() ? input.manifests_dir : input.config_file;
  if (::access(path.c_str(), R_OK) == 0) return {};
  return fmt::format("cannot read {}: {}", path, std::strerror(errno));
}

}  // namespace

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
