// The paths of one host: a compressed radix tree over the bytes of the path.
//
// A value of one pointer; copies share all nodes. Nodes are flat (one block each), const once another
// tree can see them, and replaced along one path by an edit; an edit changes nodes in place that belong
// to this tree alone, which is what makes building in bulk cheap.
// Thread: lookups from any number at once, without atomics; edits and copies of one tree from one.
// Always true: equal content gives the same structure; a node has matches or two children at
// least. Nothing recurses: a path of 16 KB may be 16,000 nodes deep.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/counted_ptr.h"
#include "ingress/message.h"
#include "ingress/route.h"
#include "routing/match_list.h"

namespace ingress::routing {

struct PathNode;

class HostPatterns;

// The rule that wins for `head` among the paths below `root` and the regular expressions of the same host
// (null: none): the exact path, then those, then prefixes by whole segments from the longest; null when none
// matches.
const CompiledRule* match_paths(const PathNode& root, const RequestHead& head,
                                const HostPatterns* patterns = nullptr);

class PathTree {
 public:
  PathTree() = default;
  // The tree below `root`, shared; null: the empty one.
  explicit PathTree(const PathNode* root);
  PathTree(const PathTree& other);
  PathTree(PathTree&& other) noexcept : root_(std::exchange(other.root_, nullptr)) {}
  PathTree& operator=(PathTree other) noexcept {
    std::swap(root_, other.root_);
    return *this;
  }
  ~PathTree();

  bool is_empty() const { return root_ == nullptr; }
  const PathNode* root() const { return root_; }  // null when empty
  // As match_paths(); null when the tree is empty.
  const CompiledRule* match(const RequestHead& head) const {
    return root_ == nullptr ? nullptr : match_paths(*root_, head);
  }
  // Replaces the matches at `key` (see path_key()) of one type, not regular expressions, as
  // MatchList::edited() does.
  void edit(std::string_view key, PathMatchType type, std::span<const MatchEntry> removed,
            std::span<const MatchEntry> added);

  // The root of this tree, which must not be empty, with the name of a host: what a HostTable keeps. The
  // same node when it has that name already.
  base::CountedPtr<const PathNode> named(std::string_view host) const;

  // Appends the address of every node: what two versions have in common is what both name.
  void collect_nodes(std::vector<const void*>& out) const;
  // Canonical text: structure and matches.
  void dump(std::string& out) const;

 private:
  PathNode* root_ = nullptr;
};

}  // namespace ingress::routing
