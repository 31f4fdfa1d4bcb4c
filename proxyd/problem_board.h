// What the admin pages tell about the configuration: problems, counts, the last reload.
//
// Owner: the daemon. Threads: written by the loop's, read by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "ingress/config.h"
#include "ingress/metrics.h"

namespace proxyd {

// What `--ocsp-stapling` has come to.
struct StaplingReading {
  std::size_t num_certificates = 0, num_answered = 0;  // that name responders; of them with a valid answer
  std::uint64_t num_fetches_ok = 0, num_fetches_failed = 0;
};

struct BoardReading {
  std::vector<ingress::Problem> problems;
  std::size_t num_ignored_ingresses = 0;
  std::uint64_t num_reloads_ok = 0, num_reloads_failed = 0;
  std::int64_t last_reload_unix_s = 0;      // the last that succeeded; 0 = none
  std::optional<StaplingReading> stapling;  // nothing while it is off
  ingress::Metrics source_metrics;          // what the source counts itself
};

class ProblemBoard {
 public:
  // Replaces all problems but those of stapling; returns those that were not there before.
  std::vector<ingress::Problem> replace(std::vector<ingress::Problem> problems,
                                        std::size_t num_ignored_ingresses);
  std::vector<ingress::Problem> replace_stapling_problems(std::vector<ingress::Problem> problems);
  void set_stapling(const StaplingReading& stapling);
  // Asked at each reading, from any thread; null: no more.
  void set_source_metrics(std::function<ingress::Metrics()> metrics);
  enum class Reload : unsigned char { kOk, kFailed };
  void count_reload(Reload outcome);
  BoardReading reading() const;
  // Calls `call` after each change, on the thread that made it; set before the first.
  void on_change(std::function<void()> call) { on_change_ = std::move(call); }

 private:
  template <class Change>
  void change(Change&& make) {
    {
      const std::lock_guard lock(mutex_);
      make();
    }
    if (on_change_) on_change_();
  }

  mutable std::mutex mutex_;
  // Of one part, under mutex_; returns those that are new in it.
  std::vector<ingress::Problem> replace_part(std::vector<ingress::Problem>& part,
                                             std::vector<ingress::Problem> problems);
  // Under mutex_, sorted; those of the state are all of them.
  std::vector<ingress::Problem> config_problems_, stapling_problems_;
  BoardReading state_;                                // under mutex_
  std::function<ingress::Metrics()> source_metrics_;  // under mutex_
  std::function<void()> on_change_;
};

}  // namespace proxyd
