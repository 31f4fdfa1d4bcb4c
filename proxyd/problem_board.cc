#include "proxyd/problem_board.h"

#include <algorithm>
#include <ctime>
#include <iterator>
#include <utility>

namespace proxyd {

std::vector<ingress::Problem> ProblemBoard::replace(std::vector<ingress::Problem> problems,
                                                    std::size_t num_ignored_ingresses) {
  std::ranges::sort(problems);
  problems.erase(std::ranges::unique(problems).begin(), problems.end());
  std::vector<ingress::Problem> added;
  const std::lock_guard lock(mutex_);
  std::ranges::set_difference(problems, state_.problems, std::back_inserter(added));
  state_.problems = std::move(problems);
  state_.num_ignored_ingresses = num_ignored_ingresses;
  return added;
}

void ProblemBoard::count_reload(Reload outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome == Reload::kFailed) {
    ++state_.num_reloads_failed;
    return;
  }
  ++state_.num_reloads_ok;
  state_.last_reload_unix_s = std::time(nullptr);
}

BoardReading ProblemBoard::reading() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace proxyd
