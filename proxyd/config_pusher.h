// What a reconciler has made, on its way to the server: deltas while the server follows, the whole when it
// does not.
//
// Owner: the source. Thread: the loop's. Caller: calls push_whole() after each reconcile() that
// needs_whole(). Always true: a delta is sent only onto a whole that the server took; after a refusal the
// next one is sent whole again.
#pragma once

#include <optional>
#include <vector>

#include "controller/reconciler.h"
#include "proxyd/config_source.h"
#include "proxyd/problem_board.h"

namespace proxyd {

class ConfigPusher final : public ingress::controller::ConfigSink {
 public:
  ConfigPusher(Publisher& publisher, ProblemBoard& board, ConfigSource::OnHopeless on_hopeless)
      : publisher_(publisher), board_(board), on_hopeless_(std::move(on_hopeless)) {}

  std::vector<ingress::Problem> apply(const ingress::ConfigDelta& delta) override;
  bool needs_whole() const { return needs_whole_; }
  void push_whole(ingress::GatewayConfig config);
  // Of the last whole.
  const std::vector<ingress::Problem>& problems() const { return problems_; }
  // The last that the server took since this was last asked for; nothing when there was none.
  std::optional<ingress::Generation> take_generation() { return std::exchange(generation_, std::nullopt); }

 private:
  Publisher& publisher_;
  ProblemBoard& board_;
  ConfigSource::OnHopeless on_hopeless_;
  std::vector<ingress::Problem> problems_;
  std::optional<ingress::Generation> generation_;
  bool needs_whole_ = true;
  bool has_served_ = false;
};

}  // namespace proxyd
