#include "proxyd/problem_board.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

namespace proxyd {

std::vector<ingress::Problem> ProblemBoard::replace_part(std::vector<ingress::Problem>& part,
                                                         std::vector<ingress::Problem> problems) {
  std::ranges::sort(problems);
  problems.erase(std::ranges::unique(problems).begin(), problems.end());
  std::vector<ingress::Problem> added;
  std::ranges::set_difference(problems, part, std::back_inserter(added));
  part = std::move(problems);
  state_.problems.clear();
  std::ranges::set_union(config_problems_, stapling_problems_, std::back_inserter(state_.problems));
  return added;
}

std::vector<ingress::Problem> ProblemBoard::replace(std::vector<ingress::Problem> problems,
                                                    std::size_t num_ignored_ingresses) {
  std::vector<ingress::Problem> added;
  change([&] {
    state_.num_ignored_ingresses = num_ignored_ingresses;
    added = replace_part(config_problems_, std::move(problems));
  });
  return added;
}

std::vector<ingress::Problem> ProblemBoard::replace_stapling_problems(
    std::vector<ingress::Problem> problems) {
  std::vector<ingress::Problem> added;
  change([&] { added = replace_part(stapling_problems_, std::move(problems)); });
  return added;
}

void ProblemBoard::set_stapling(const StaplingReading& stapling) {
  change([&] { state_.stapling = stapling; });
}

void ProblemBoard::set_source_metrics(std::function<ingress::Metrics()> metrics) {
  const std::lock_guard lock(mutex_);
  source_metrics_ = std::move(metrics);
}

void ProblemBoard::count_reload(Reload outcome) {
  change([&] {
    ++(outcome == Reload::kFailed ? state_.num_reloads_failed : state_.num_reloads_ok);
    if (outcome == Reload::kOk) state_.last_reload_unix_s = std::time(nullptr);
  });
}

BoardReading ProblemBoard::reading() const {
  const std::lock_guard lock(mutex_);
  BoardReading reading = state_;
  if (source_metrics_) reading.source_metrics = source_metrics_();
  return reading;
}

}  // namespace proxyd
