// The regular expressions for paths of one host: those that match are found in one pass, and asked in
// order of precedence.
//
// Owner: the HostTables that contain it, by count. Thread: any, const after build.
// Owns no rules: whoever holds it holds the routes in it. Cost of a change: linear in the host's patterns.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/counted_ptr.h"
#include "ingress/message.h"
#include "routing/match_list.h"

namespace ingress::routing {

class HostPatterns {
 public:
  HostPatterns(std::string_view host, MatchList matches);
  HostPatterns(const HostPatterns&) = delete;
  HostPatterns& operator=(const HostPatterns&) = delete;

  // An entry of a table by host.
  std::string_view key() const { return host_; }
  static void destroy(const HostPatterns* patterns) { delete patterns; }
  mutable std::atomic<std::uint32_t> refs{0};

  // Among the matches whose pattern and conditions hold, the rule of the first; null when there is none.
  const CompiledRule* match(const RequestHead& head) const;
  // In order of precedence.
  const MatchList& matches() const { return matches_; }
  void dump(std::string& out) const;

 private:
  std::string host_;
  MatchList matches_;
  std::uint64_t id_;                        // of `patterns_`, in the caches of the workers
  std::vector<std::string_view> patterns_;  // each once; in the routes
  std::vector<std::uint32_t> pattern_of_;   // for each match: which of `patterns_`
};

}  // namespace ingress::routing
