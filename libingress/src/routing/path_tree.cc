#include "routing/path_tree.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "routing/host_patterns.h"
#include "routing/path_node.h"

namespace ingress::routing {
namespace {

// The prefixes that hold for a path, as far as they fit: the longest ones win, so the shortest are
// forgotten, and looked for again in the rare case that all kept ones fail their conditions.
class PrefixCandidates {
 public:
  void add(const PathNode* node, std::size_t key_bytes) { slots_[count_++ % kMax] = {node, key_bytes}; }
  const CompiledRule* best(const RequestHead& head) const {
    for (std::size_t i = count_; i-- > count_ - num_kept();) {
      if (const CompiledRule* rule = slots_[i % kMax].node->prefix.match(head)) return rule;
    }
    return nullptr;
  }
  bool has_forgotten() const { return count_ > kMax; }
  std::size_t shortest_kept_bytes() const { return slots_[count_ % kMax].key_bytes; }

 private:
  static constexpr std::size_t kMax = 16;
  struct Slot {
    const PathNode* node;
    std::size_t key_bytes;
  };
  std::size_t num_kept() const { return std::min(count_, kMax); }

  std::array<Slot, kMax> slots_;
  std::size_t count_ = 0;
};

// Walks down along `path`, noting the prefixes shorter than `limit` bytes; returns the node at which the
// path ends, or null.
const PathNode* walk(const PathNode* node, std::string_view path, std::size_t limit,
                     PrefixCandidates& prefixes) {
  std::string_view rest = path;
  while (node != nullptr && rest.starts_with(node->label())) {
    rest.remove_prefix(node->label_bytes);
    const std::size_t key_bytes = path.size() - rest.size();
    // The empty prefix takes everything, "*" of OPTIONS included; others end where a segment ends.
    if (!node->prefix.is_empty() && key_bytes < limit &&
        (rest.empty() || rest.front() == '/' || key_bytes == 0)) {
      prefixes.add(node, key_bytes);
    }
    if (rest.empty()) return node;
    node = node->child(rest.front());
  }
  return nullptr;
}

// One node above the place of an edit, and which child leads there. A node is exclusive when nobody but
// the tree being edited can reach it.
struct Step {
  PathNode* node;
  std::size_t child;
  bool is_exclusive;
};

struct Place {
  std::vector<Step> above;
  PathNode* node = nullptr;  // the last node whose label starts like the rest of the key; null: no tree
  bool is_exclusive = true;  // of `node`
  std::size_t common = 0;    // how much of its label the key shares
  std::string_view rest;     // of the key, behind that
};

bool is_held_once(const PathNode* node) {
  return node->refs.load(std::memory_order_acquire) == 1;
}

Place find_place(PathNode* root, std::string_view key) {
  Place place;
  place.node = root;
  place.rest = key;
  if (root == nullptr) return place;
  place.is_exclusive = is_held_once(root);
  while (true) {
    const std::string_view label = place.node->label();
    const auto differ = std::ranges::mismatch(label, place.rest);
    place.common = static_cast<std::size_t>(differ.in1 - label.begin());
    place.rest.remove_prefix(place.common);
    if (place.common < label.size() || place.rest.empty()) return place;
    const std::size_t child = place.node->first_bytes().find(place.rest.front());
    if (child == std::string_view::npos) return place;
    place.above.push_back({place.node, child, place.is_exclusive});
    place.node = place.node->children()[child];
    place.is_exclusive = place.is_exclusive && is_held_once(place.node);
  }
}

MatchList& list_of(PathNode& node, PathMatchType type) {
  return type == PathMatchType::kExact ? node.exact : node.prefix;
}

PathNode* make_leaf(std::string_view label, PathMatchType type, MatchList list) {
  PathNode* leaf = PathNode::make(label, {}, {}, {}, {});
  list_of(*leaf, type) = std::move(list);
  return leaf;
}

// A reference more of each child of `node`, for a node that takes them over.
std::vector<PathNode*> hold_children(const PathNode& node) {
  std::vector<PathNode*> children(node.children().begin(), node.children().end());
  for (PathNode* child : children) PathNode::hold(child);
  return children;
}

PathNode* with_child(const PathNode& node, PathNode* added) {
  std::vector<PathNode*> children = hold_children(node);
  const auto by_byte = [](const PathNode* child) {
    return static_cast<unsigned char>(child->label().front());
  };
  children.insert(std::ranges::lower_bound(children, by_byte(added), {}, by_byte), added);
  return PathNode::make(node.label(), {}, node.exact, node.prefix, children);
}

// `node` in the canonical form that its matches and children ask for: null when nothing is left, joined
// with its child when that is all there is. Takes over the caller's references of `children`.
PathNode* make_canonical(const PathNode& node, MatchList exact, MatchList prefix,
                         std::vector<PathNode*> children) {
  if (exact.is_empty() && prefix.is_empty() && children.size() < 2) {
    if (children.empty()) return nullptr;
    PathNode* only = children.front();
    PathNode* joined =
        PathNode::make(node.label(), only->label(), only->exact, only->prefix, hold_children(*only));
    PathNode::drop(only);
    return joined;
  }
  return PathNode::make(node.label(), {}, std::move(exact), std::move(prefix), children);
}

// `node` cut at `common`: the front part gets the rest of its old self as a child, and the new list.
PathNode* split(const PathNode& node, std::size_t common, std::string_view rest, PathMatchType type,
                MatchList list) {
  PathNode* lower =
      PathNode::make(node.label().substr(common), {}, node.exact, node.prefix, hold_children(node));
  const std::string_view front = node.label().substr(0, common);
  if (rest.empty()) {
    PathNode* upper = PathNode::make(front, {}, {}, {}, std::array{lower});
    list_of(*upper, type) = std::move(list);
    return upper;
  }
  PathNode* leaf = make_leaf(rest, type, std::move(list));
  std::array children{lower, leaf};
  if (static_cast<unsigned char>(leaf->label().front()) <
      static_cast<unsigned char>(lower->label().front())) {
    std::swap(children[0], children[1]);
  }
  return PathNode::make(front, {}, {}, {}, children);
}

// Puts `made` (null: nothing) in the place of the node under `above`, copying upwards until a node may be
// changed where it is. Returns the root to use, of which the caller gets one reference; `root` keeps its.
PathNode* put_back(PathNode* root, const std::vector<Step>& above, PathNode* made) {
  for (std::size_t i = above.size(); i-- > 0;) {
    const Step& step = above[i];
    if (made != nullptr && step.is_exclusive) {
      PathNode::drop(std::exchange(step.node->children()[step.child], made));
      return PathNode::hold(root);
    }
    std::vector<PathNode*> children = hold_children(*step.node);
    PathNode::drop(children[step.child]);
    if (made != nullptr) {
      children[step.child] = made;
    } else {
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(step.child));
    }
    made = make_canonical(*step.node, step.node->exact, step.node->prefix, std::move(children));
  }
  return made;
}

}  // namespace

// A root that two can reach is never changed, so it may be held as one that could be.
PathTree::PathTree(const PathNode* root) : root_(PathNode::hold(const_cast<PathNode*>(root))) {}

PathTree::PathTree(const PathTree& other) : root_(PathNode::hold(other.root_)) {}

PathTree::~PathTree() {
  PathNode::drop(root_);
}

base::CountedPtr<const PathNode> PathTree::named(std::string_view host) const {
  using Entry = base::CountedPtr<const PathNode>;
  if (root_->key() == host) return Entry(root_);
  return Entry::adopt(
      PathNode::make(root_->label(), {}, root_->exact, root_->prefix, hold_children(*root_), host));
}

namespace {

// What match_paths() says of a tree of one node, which most hosts have.
const CompiledRule* match_only_node(const PathNode& node, const RequestHead& head) {
  const std::string_view path = head.path();
  if (!path.starts_with(node.label())) return nullptr;
  const bool is_whole = path.size() == node.label_bytes;
  if (is_whole) {
    if (const CompiledRule* rule = node.exact.match(head)) return rule;
  }
  return is_whole || node.label_bytes == 0 || path[node.label_bytes] == '/' ? node.prefix.match(head)
                                                                            : nullptr;
}

}  // namespace

const CompiledRule* match_paths(const PathNode& root, const RequestHead& head, const HostPatterns* patterns) {
  if (root.num_children == 0 && patterns == nullptr) return match_only_node(root, head);
  std::size_t limit = std::numeric_limits<std::size_t>::max();
  while (true) {
    PrefixCandidates prefixes;
    const PathNode* end = walk(&root, head.path(), limit, prefixes);
    if (end != nullptr) {
      if (const CompiledRule* rule = end->exact.match(head)) return rule;
    }
    if (const HostPatterns* asked = std::exchange(patterns, nullptr)) {
      if (const CompiledRule* rule = asked->match(head)) return rule;
    }
    if (const CompiledRule* rule = prefixes.best(head)) return rule;
    if (!prefixes.has_forgotten()) return nullptr;
    limit = prefixes.shortest_kept_bytes();
  }
}

void PathTree::edit(std::string_view key, PathMatchType type, std::span<const MatchEntry> removed,
                    std::span<const MatchEntry> added) {
  const Place place = find_place(root_, key);
  PathNode* made = nullptr;
  const bool is_at_node =
      place.node != nullptr && place.rest.empty() && place.common == place.node->label_bytes;
  if (is_at_node) {
    PathNode& node = *place.node;
    MatchList list = list_of(node, type).edited(removed, added);
    const MatchList& other =
        list_of(node, type == PathMatchType::kExact ? PathMatchType::kPrefix : PathMatchType::kExact);
    const bool stays = !list.is_empty() || !other.is_empty() || node.num_children >= 2;
    if (stays && place.is_exclusive) {
      list_of(node, type) = std::move(list);
      return;
    }
    made = type == PathMatchType::kExact
               ? make_canonical(node, std::move(list), node.prefix, hold_children(node))
               : make_canonical(node, node.exact, std::move(list), hold_children(node));
  } else {
    MatchList list = MatchList().edited({}, added);
    if (list.is_empty()) return;
    if (place.node == nullptr) {
      made = make_leaf(key, type, std::move(list));
    } else if (place.common < place.node->label_bytes) {
      made = split(*place.node, place.common, place.rest, type, std::move(list));
    } else {
      made = with_child(*place.node, make_leaf(place.rest, type, std::move(list)));
    }
  }
  PathNode* root = put_back(root_, place.above, made);
  PathNode::drop(std::exchange(root_, root));
}

void PathTree::collect_nodes(std::vector<const void*>& out) const {
  if (root_ == nullptr) return;
  std::vector<const PathNode*> open{root_};
  while (!open.empty()) {
    const PathNode* node = open.back();
    open.pop_back();
    out.push_back(node);
    open.insert(open.end(), node->children().begin(), node->children().end());
  }
}

void PathTree::dump(std::string& out) const {
  if (root_ == nullptr) return;
  struct Open {
    const PathNode* node;
    std::size_t depth;
  };
  std::vector<Open> open{{root_, 0}};
  while (!open.empty()) {
    const auto [node, depth] = open.back();
    open.pop_back();
    out += "  node " + std::to_string(depth) + " '" + std::string(node->label()) + "'\n";
    if (!node->exact.is_empty()) out += "   exact\n";
    node->exact.dump(out);
    if (!node->prefix.is_empty()) out += "   prefix\n";
    node->prefix.dump(out);
    for (std::size_t i = node->num_children; i-- > 0;) open.push_back({node->children()[i], depth + 1});
  }
}

}  // namespace ingress::routing
