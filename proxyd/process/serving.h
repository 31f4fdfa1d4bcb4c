// The serving process: meets clients, and holds what that takes.
#pragma once

#include "proxyd/options.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

// A child of the supervisor that `setup` names. Returns the exit code: 0 after SIGTERM or SIGINT, 1 when
// serving was impossible.
int run_serving(const RunOptions& options, ChildSetup setup);

}  // namespace proxyd
