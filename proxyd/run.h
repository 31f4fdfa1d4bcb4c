// `proxyd run`: starts the processes that serve until a signal ends them, or is one of them.
#pragma once

#include "proxyd/options.h"

namespace proxyd {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when serving was impossible. `argv`: of main, for the
// processes that it starts.
int run_daemon(const RunOptions& options, char* const* argv);

}  // namespace proxyd
