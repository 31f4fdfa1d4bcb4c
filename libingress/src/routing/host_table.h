// Host patterns to path trees, tried from the most specific pattern to the least.
//
// Order for a host (Gateway API, HTTPRouteSpec.hostnames; RFC 6125 6.4.3 for "*."): the exact name, then
// its suffixes from the longest: "*." when one label was taken away, then "**."; last the routes of no
// host. When no rule of one pattern matches, the next pattern is asked.
// A host of more than kMaxLabels labels is no DNS name (RFC 1035 2.3.4) and matches no wildcard: that
// bounds the probes which one request can cause.
// Thread: any, const after build; edits make a new table that shares what did not change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/persistent_map.h"
#include "ingress/message.h"
#include "routing/host_patterns.h"
#include "routing/path_node.h"
#include "routing/path_tree.h"

namespace ingress::routing {

enum class HostKind : std::uint8_t { kExact, kOneLabel, kAnyLabels, kNoHost };

// A pattern of Route::hosts taken apart: "*.a.b" is kOneLabel with name "a.b".
struct HostPattern {
  HostKind kind = HostKind::kNoHost;
  std::string_view name;  // without a dot at the end; empty for kNoHost
  friend auto operator<=>(const HostPattern&, const HostPattern&) = default;
};
HostPattern to_host_pattern(std::string_view text);

class HostTable {
 public:
  static constexpr std::size_t kMaxLabels = 128;

  HostTable() = default;

  // Null when no rule matches.
  const CompiledRule* match(const RequestHead& head) const;
  // The addresses of all nodes, of the maps and of the trees, as PathTree::collect_nodes().
  void collect_nodes(std::vector<const void*>& out) const;
  // Canonical text of everything, by kind and name.
  void dump(std::string& out) const;

  class Builder;

 private:
  // The patterns of one kind: the named roots of their path trees, and their regular expressions, by name.
  struct Names {
    base::PersistentMap<PathNode> paths;
    base::PersistentMap<HostPatterns> patterns;

    bool is_empty() const { return paths.is_empty() && patterns.is_empty(); }
    const CompiledRule* match(std::string_view name, const RequestHead& head) const;
  };

  const CompiledRule* match_wildcards(std::string_view host, const RequestHead& head) const;
  const CompiledRule* match_no_host(const RequestHead& head) const;

  Names exact_;
  Names one_label_;   // key: what follows "*."
  Names any_labels_;  // key: what follows "**."
  PathTree no_host_;
  base::CountedPtr<const HostPatterns> no_host_patterns_;  // null: none
};

// Many changes at once. The table it started from never changes.
class HostTable::Builder {
 public:
  explicit Builder(const HostTable& base);

  // The paths of exactly this pattern; an empty tree when there are none.
  PathTree find(const HostPattern& pattern);
  // Sets them; an empty tree takes the pattern away.
  void put(const HostPattern& pattern, PathTree paths);
  // The matches by regular expression of exactly this pattern, and the same for setting them.
  MatchList find_patterns(const HostPattern& pattern) const;
  void put_patterns(const HostPattern& pattern, MatchList matches);
  HostTable take();

 private:
  struct NamesBuilder {
    explicit NamesBuilder(const Names& base) : paths(base.paths), patterns(base.patterns) {}
    Names take() { return {paths.take(), patterns.take()}; }
    base::PersistentMap<PathNode>::Builder paths;
    base::PersistentMap<HostPatterns>::Builder patterns;
  };
  // Of a kind other than kNoHost.
  NamesBuilder& names_of(HostKind kind);
  const NamesBuilder& names_of(HostKind kind) const;

  NamesBuilder exact_;
  NamesBuilder one_label_;
  NamesBuilder any_labels_;
  PathTree no_host_;
  base::CountedPtr<const HostPatterns> no_host_patterns_;
};

}  // namespace ingress::routing
