#include "routing/host_patterns.h"

#include <unordered_map>
#include <utility>

#include "routing/pattern_cache.h"
#include "routing/rule_match.h"

namespace ingress::routing {
namespace {

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // unique is enough: nothing is ordered by it
}

// Room for the answer of a set, and for what it says of each pattern; kept from request to request.
struct Scratch {
  std::vector<int> found;
  std::vector<bool> holds;
};
thread_local Scratch scratch;

}  // namespace

HostPatterns::HostPatterns(std::string_view host, MatchList matches)
    : host_(host), matches_(std::move(matches)), id_(next_id()) {
  std::unordered_map<std::string_view, std::uint32_t> known;
  pattern_of_.reserve(matches_.size());
  for (std::size_t i = 0; i < matches_.size(); ++i) {
    const std::string_view pattern = matches_.at(i).match->path.value;
    const auto [at, is_new] = known.try_emplace(pattern, static_cast<std::uint32_t>(patterns_.size()));
    if (is_new) patterns_.push_back(pattern);
    pattern_of_.push_back(at->second);
  }
}

const CompiledRule* HostPatterns::match(const RequestHead& head) const {
  find_patterns(id_, patterns_, head.path(), scratch.found);
  if (scratch.found.empty()) return nullptr;
  scratch.holds.assign(patterns_.size(), false);
  for (const int index : scratch.found) scratch.holds[static_cast<std::size_t>(index)] = true;
  for (std::size_t i = 0; i < pattern_of_.size(); ++i) {
    if (!scratch.holds[pattern_of_[i]]) continue;
    const MatchEntry entry = matches_.at(i);
    if (entry.unconditional || conditions_hold(*entry.match, head)) return entry.rule;
  }
  return nullptr;
}

void HostPatterns::dump(std::string& out) const {
  out += "  patterns\n";
  matches_.dump(out);
}

}  // namespace ingress::routing
