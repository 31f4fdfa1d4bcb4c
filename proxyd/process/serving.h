// The serving process: meets clients, with the configuration that the other process translates, or the last
// one that it did.
#pragma once

#include "proxyd/options.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

// A child of the supervisor that `setup` names. `link`: where the controller is; null: it is the other child.
// Returns the exit code: 0 after SIGTERM or SIGINT, 1 when serving was impossible.
int run_serving(const ServeOptions& options, const LinkOptions* link, ChildSetup setup);

}  // namespace proxyd
