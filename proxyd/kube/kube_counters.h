// What was asked of the API server and what came of it, by kind: for the metrics page.
//
// Owner: ClusterMode. Threads: counted by the loop's, read by any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>

namespace proxyd {

struct KindCounters {
  std::atomic<std::uint64_t> lists{0};         // complete
  std::atomic<std::uint64_t> list_errors{0};   // pages that were not had
  std::atomic<std::uint64_t> watches{0};       // begun
  std::atomic<std::uint64_t> watch_errors{0};  // that ended otherwise than by their time
  std::atomic<std::uint64_t> relists{0};       // because the server no longer knew where we were
  std::atomic<std::uint64_t> events{0};        // taken over
  std::atomic<std::uint64_t> stale_events{0};  // repeated or older than what was known
  std::atomic<std::uint64_t> gets{0};          // of single objects
  std::atomic<std::uint64_t> objects{0};       // known now
};

// Entries are made before any thread reads, and stay.
using KubeCounters = std::map<std::string, KindCounters>;

}  // namespace proxyd
