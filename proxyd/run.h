// `proxyd run`, `serve` and `controller`: starts the processes that serve until a signal ends them, or is one
// of them.
#pragma once

#include "proxyd/options.h"

namespace proxyd {

// Return the exit code: 0 after SIGTERM or SIGINT, 1 when serving was impossible. `argv`: of main, for the
// processes that they start.
int run_daemon(const RunOptions& options, char* const* argv);
int run_data_plane(const DataPlaneOptions& options, char* const* argv);
int run_controller(const ControllerOptions& options);

}  // namespace proxyd
