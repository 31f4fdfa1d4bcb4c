// What a Resumer points at: shared by the handle and the exchange, so that either may go first.
#pragma once

#include <optional>

#include "ingress/filter.h"

namespace ingress {

namespace proxy {
class Exchange;
}

// Thread: the worker's.
struct Resumer::Target {
  proxy::Exchange* exchange = nullptr;  // null once the exchange has ended or was resumed
  std::optional<Verdict> early;         // said before the filter returned wait
};

}  // namespace ingress
