#include "proxyd/config_pusher.h"

#include <utility>

namespace proxyd {

// Says nothing about a refusal: the whole, which is sent right afterwards, names what is wrong.
std::vector<ingress::Problem> ConfigPusher::apply(const ingress::ConfigDelta& delta) {
  if (needs_whole_) return {};
  const auto outcome = publisher_.apply(delta);
  needs_whole_ = !outcome;
  if (!outcome) return {};
  generation_ = *outcome;
  board_.count_reload(ProblemBoard::Reload::kOk);
  return {};
}

// One bad part must not hold back the rest: quarantine() turns it into an answer of status 500.
void ConfigPusher::push_whole(ingress::GatewayConfig config) {
  problems_ = ingress::quarantine(config);
  // A warning changes nothing in the configuration, and deltas would never bring it up to date.
  std::erase_if(problems_, [](const auto& p) { return p.severity != ingress::Severity::kError; });
  auto outcome = publisher_.publish(std::move(config));
  board_.count_reload(outcome ? ProblemBoard::Reload::kOk : ProblemBoard::Reload::kFailed);
  needs_whole_ = !outcome || !problems_.empty();
  if (outcome) {
    has_served_ = true;
    generation_ = *outcome;
    return;
  }
  problems_.insert(problems_.end(), outcome.error().begin(), outcome.error().end());
  if (!has_served_ && on_hopeless_) std::exchange(on_hopeless_, nullptr)(problems_);
}

}  // namespace proxyd
