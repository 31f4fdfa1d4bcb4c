// The controller process: reads the source, translates, and sends what comes of it to those that serve. It
// alone has the rights that the source takes.
#pragma once

#include <optional>

#include "proxyd/options.h"
#include "proxyd/process/supervisor_client.h"

namespace proxyd {

// `setup`: of a child, whose only data plane is the other child; nothing: data planes come by `options.link`.
// Returns the exit code: 0 after a signal, 1 when it was impossible.
int run_controlling(const ControllerOptions& options, std::optional<ChildSetup> setup);

}  // namespace proxyd
