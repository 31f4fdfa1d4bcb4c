// What the admin pages tell about the configuration: problems, counts, the last reload.
//
// Owner: the daemon. Threads: written by the loop's, read by any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "ingress/config.h"

namespace proxyd {

struct BoardReading {
  std::vector<ingress::Problem> problems;
  std::size_t num_ignored_ingresses = 0;
  std::uint64_t num_reloads_ok = 0, num_reloads_failed = 0;
  std::int64_t last_reload_unix_s = 0;  // the last that succeeded; 0 = none
};

class ProblemBoard {
 public:
  // Replaces all problems; returns those that were not there before.
  std::vector<ingress::Problem> replace(std::vector<ingress::Problem> problems,
                                        std::size_t num_ignored_ingresses);
  enum class Reload : unsigned char { kOk, kFailed };
  void count_reload(Reload outcome);
  BoardReading reading() const;

 private:
  mutable std::mutex mutex_;
  BoardReading state_;  // under mutex_; problems are sorted
};

}  // namespace proxyd
