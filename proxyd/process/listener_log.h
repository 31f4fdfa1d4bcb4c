// The line of the log that tells where a listener can be reached.
#pragma once

#include "ingress/server.h"

namespace proxyd {

void log_listener(const ingress::ListenerStatus& listener);

}  // namespace proxyd
