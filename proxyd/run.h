// `proxyd run`: puts the parts together and serves until a signal ends it.
#pragma once

#include "proxyd/options.h"

namespace proxyd {

// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when serving was impossible.
int run_daemon(const RunOptions& options);

}  // namespace proxyd
