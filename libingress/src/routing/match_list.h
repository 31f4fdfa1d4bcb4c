// The matches that share one host, one path and one path type, best first.
//
// A value of 16 bytes: one match, by far the most common case, is held in place, so that a lookup reads
// no further memory; more are one shared block. Copies share. Thread: any, const after build.
// Owns no rules: whoever holds a list holds the routes in it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "ingress/message.h"
#include "routing/compiled_route.h"

namespace ingress::routing {

struct MatchEntry {
  const CompiledRule* rule = nullptr;
  const RouteMatch* match = nullptr;
  bool unconditional = false;  // neither method nor headers nor query to look at

  // `match_index` counts in matches_of(*rule.value).
  static MatchEntry of(const CompiledRule& rule, std::size_t match_index);
  std::uint32_t match_index() const;
  friend bool operator==(const MatchEntry& a, const MatchEntry& b) {
    return a.rule == b.rule && a.match == b.match;
  }
};

class MatchList {
 public:
  MatchList() = default;
  MatchList(const MatchList& other);
  MatchList(MatchList&& other) noexcept
      : rule_(std::exchange(other.rule_, nullptr)), bits_(std::exchange(other.bits_, 0)) {}
  MatchList& operator=(MatchList other) noexcept {
    std::swap(rule_, other.rule_);
    std::swap(bits_, other.bits_);
    return *this;
  }
  ~MatchList() {
    if (is_shared()) drop();
  }

  bool is_empty() const { return bits_ == 0; }
  std::size_t size() const;
  MatchEntry at(std::size_t index) const;
  // The first entry whose conditions hold for `head`; null when none does.
  const CompiledRule* match(const RequestHead& head) const {
    if (rule_ != nullptr && (bits_ & kUnconditional) != 0) return rule_;
    return is_empty() ? nullptr : match_conditions(head);
  }
  // This list without `removed` (entries that are absent are ignored), with `added`. Linear in the list.
  MatchList edited(std::span<const MatchEntry> removed, std::span<const MatchEntry> added) const;
  // Canonical text, one line an entry.
  void dump(std::string& out) const;

 private:
  struct Shared;
  static constexpr std::uintptr_t kUnconditional = 1;

  bool is_shared() const { return rule_ == nullptr && bits_ != 0; }
  const Shared* shared() const { return reinterpret_cast<const Shared*>(bits_); }
  const CompiledRule* match_conditions(const RequestHead& head) const;
  void drop();

  // One entry: its rule, and its match with kUnconditional in the lowest bit. More: null, and a Shared*.
  // None: null and 0.
  const CompiledRule* rule_ = nullptr;
  std::uintptr_t bits_ = 0;
};

}  // namespace ingress::routing
