// Kubernetes Events (events.k8s.io/v1) about problems: what people see in `kubectl describe`. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ingress/config.h"

namespace ingress::controller {

// Who tells.
struct EventReporter {
  std::string controller;  // "libingress.dev/proxyd"
  std::string instance;    // of this process
};

struct ProblemEvent {
  std::string namespace_;  // where it is kept: that of the object, or "default"
  // The same for the same problem, whoever tells it: what is there already need not be told again.
  std::string name;
  std::string json;
};

// Nothing for a problem that is about no object of a kind that we read. `uid` may be empty: `kubectl
// describe` does not show such an event, `kubectl events` does. `time`: MicroTime. A note is cut at 1,024
// bytes, the bound of the API.
std::optional<ProblemEvent> make_event(const Problem& problem, const EventReporter& reporter,
                                       std::string_view uid, std::string_view time);
// A merge patch: the same has come up again, `count` times in all.
std::string write_event_series(std::uint64_t count, std::string_view time);

}  // namespace ingress::controller
