#include "routing/match_list.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "routing/precedence.h"
#include "routing/rule_match.h"

namespace ingress::routing {

// A counted block: this header, then `size` entries in order of precedence.
struct MatchList::Shared {
  mutable std::atomic<std::uint32_t> refs;
  std::uint32_t size;
  MatchEntry* entries() { return reinterpret_cast<MatchEntry*>(this + 1); }
  const MatchEntry* entries() const { return reinterpret_cast<const MatchEntry*>(this + 1); }

  static Shared* make(std::span<const MatchEntry> entries) {
    static_assert(sizeof(Shared) % alignof(MatchEntry) == 0);
    static_assert(std::is_trivially_destructible_v<MatchEntry>);
    void* block = ::operator new(sizeof(Shared) + entries.size_bytes());
    auto* shared = new (block) Shared{1, static_cast<std::uint32_t>(entries.size())};
    std::uninitialized_copy(entries.begin(), entries.end(), shared->entries());
    return shared;
  }
};

namespace {

bool wins_over(const MatchEntry& a, const MatchEntry& b) {
  const MatchPosition first{a.rule->route.get(), a.rule->index, a.match_index(), a.match};
  const MatchPosition second{b.rule->route.get(), b.rule->index, b.match_index(), b.match};
  return compare_matches(first, second) < 0;
}

bool is_before_in_memory(const MatchEntry& a, const MatchEntry& b) {
  if (a.match != b.match) return std::less<>()(a.match, b.match);
  return std::less<>()(a.rule, b.rule);
}

}  // namespace

MatchEntry MatchEntry::of(const CompiledRule& rule, std::size_t match_index) {
  const RouteMatch& match = matches_of(*rule.value)[match_index];
  return {&rule, &match, !has_conditions(match)};
}

std::uint32_t MatchEntry::match_index() const {
  return static_cast<std::uint32_t>(match - matches_of(*rule->value).data());
}

MatchList::MatchList(const MatchList& other) : rule_(other.rule_), bits_(other.bits_) {
  // Relaxed: a new count is made from one that is held already.
  if (is_shared()) shared()->refs.fetch_add(1, std::memory_order_relaxed);
}

void MatchList::drop() {
  // Release and acquire: the last holder, on whatever thread, frees after everybody else's last read.
  if (shared()->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    ::operator delete(const_cast<Shared*>(shared()));
  }
}

std::size_t MatchList::size() const {
  if (is_shared()) return shared()->size;
  return is_empty() ? 0 : 1;
}

MatchEntry MatchList::at(std::size_t index) const {
  if (is_shared()) return shared()->entries()[index];
  return {rule_, reinterpret_cast<const RouteMatch*>(bits_ & ~kUnconditional), (bits_ & kUnconditional) != 0};
}

const CompiledRule* MatchList::match_conditions(const RequestHead& head) const {
  for (std::size_t i = 0, n = size(); i < n; ++i) {
    const MatchEntry entry = at(i);
    if (entry.unconditional || conditions_hold(*entry.match, head)) return entry.rule;
  }
  return nullptr;
}

MatchList MatchList::edited(std::span<const MatchEntry> removed, std::span<const MatchEntry> added) const {
  std::vector<MatchEntry> gone(removed.begin(), removed.end());
  std::ranges::sort(gone, is_before_in_memory);
  std::vector<MatchEntry> kept;
  kept.reserve(size());
  for (std::size_t i = 0, n = size(); i < n; ++i) {
    const MatchEntry entry = at(i);
    if (!std::ranges::binary_search(gone, entry, is_before_in_memory)) kept.push_back(entry);
  }
  std::vector<MatchEntry> fresh(added.begin(), added.end());
  std::ranges::sort(fresh, wins_over);
  std::vector<MatchEntry> all;
  all.reserve(kept.size() + fresh.size());
  std::ranges::merge(kept, fresh, std::back_inserter(all), wins_over);
  all.erase(std::unique(all.begin(), all.end()), all.end());  // a route may name one host twice

  MatchList result;
  if (all.size() == 1) {
    result.rule_ = all[0].rule;
    result.bits_ =
        reinterpret_cast<std::uintptr_t>(all[0].match) | (all[0].unconditional ? kUnconditional : 0);
  } else if (!all.empty()) {
    result.bits_ = reinterpret_cast<std::uintptr_t>(Shared::make(all));
  }
  return result;
}

void MatchList::dump(std::string& out) const {
  for (std::size_t i = 0, n = size(); i < n; ++i) {
    const MatchEntry entry = at(i);
    out += "    " + entry.rule->route->name + " rule " + std::to_string(entry.rule->index) + " match " +
           std::to_string(entry.match_index()) + "\n";
  }
}

}  // namespace ingress::routing
