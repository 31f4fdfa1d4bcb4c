// Where the daemon's configuration comes from, and where it goes: the two ends that main puts together.
#pragma once

#include <expected>
#include <functional>
#include <vector>

#include "ingress/config.h"
#include "ingress/server.h"

namespace proxyd {

// The serving side, as far as a source needs it; the Server in the daemon, a recorder in tests.
class Publisher {
 public:
  using Outcome = std::expected<ingress::Generation, std::vector<ingress::Problem>>;
  virtual Outcome publish(ingress::GatewayConfig config) = 0;
  virtual Outcome apply(ingress::ConfigDelta delta) = 0;
  // Calls `call` once, from the loop, when every worker serves `generation` or a later one. Who cannot tell
  // never calls it.
  virtual void when_adopted(ingress::Generation generation, std::move_only_function<void()> call) {
    (void)generation;
    (void)call;
  }

 protected:
  ~Publisher() = default;
};

// Thread: the loop's.
class ConfigSource {
 public:
  // Called at most once: nothing is served yet and the server refuses a valid configuration, which means
  // that a listener cannot be bound. Waiting would not mend it.
  using OnHopeless = std::function<void(const std::vector<ingress::Problem>&)>;

  virtual ~ConfigSource() = default;
  // Reads everything and watches it from then on.
  virtual void start() = 0;
  // Reads everything again.
  virtual void rescan() = 0;
  // The process is about to end: what another one is to take over is given up. Calls `done` once, a few
  // seconds later at most; changes are followed until the source is destroyed.
  virtual void hand_over(std::move_only_function<void()> done) { done(); }
};

}  // namespace proxyd
