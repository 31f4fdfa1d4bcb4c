#include "routing/path_node.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "base/reclaimer.h"

namespace ingress::routing {

PathNode* PathNode::make(std::string_view label_head, std::string_view label_tail, MatchList exact,
                         MatchList prefix, std::span<PathNode* const> children, std::string_view host) {
  const std::size_t label_bytes = label_head.size() + label_tail.size();
  const std::size_t size = sizeof(PathNode) + round_up(label_bytes + children.size() + host.size()) +
                           children.size() * sizeof(PathNode*);
  auto* node = new (::operator new(size)) PathNode{1,
                                                   static_cast<std::uint32_t>(children.size()),
                                                   static_cast<std::uint32_t>(label_bytes),
                                                   static_cast<std::uint32_t>(host.size()),
                                                   std::move(exact),
                                                   std::move(prefix)};
  char* to = const_cast<char*>(node->tail());
  to = std::ranges::copy(host, to).out;
  to = std::ranges::copy(label_head, to).out;
  to = std::ranges::copy(label_tail, to).out;
  for (const PathNode* child : children) *to++ = child->label().front();
  std::uninitialized_copy(children.begin(), children.end(), node->child_slots());
  return node;
}

PathNode* PathNode::hold(PathNode* node) {
  // Relaxed: a new count is made from one that is held already.
  if (node != nullptr) node->refs.fetch_add(1, std::memory_order_relaxed);
  return node;
}

void PathNode::drop(PathNode* node) {
  // Release and acquire: the last holder, on whatever thread, frees after everybody else's last read.
  if (node != nullptr && node->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy(node);
}

void PathNode::destroy(const PathNode* node) {
  // What is to be freed is chained through the blocks themselves: freeing needs no memory, and a tree as
  // deep as its longest path does not use up the stack.
  struct Dead {
    Dead* next;
    std::size_t num_children;
  };
  static_assert(sizeof(Dead) <= sizeof(PathNode) && alignof(Dead) <= alignof(PathNode));
  Dead* dead = nullptr;
  const auto bury = [&dead](PathNode* unheld) {
    const std::size_t num_children = unheld->num_children;
    PathNode** from = unheld->child_slots();
    std::destroy_at(unheld);
    auto* block = reinterpret_cast<std::byte*>(unheld);
    // The header is over: the pointers move up behind the link, which is smaller.
    std::memmove(block + sizeof(Dead), from, num_children * sizeof(PathNode*));
    dead = new (block) Dead{dead, num_children};
  };
  bury(const_cast<PathNode*>(node));
  while (dead != nullptr) {
    Dead* last = dead;
    dead = last->next;
    auto** children = reinterpret_cast<PathNode**>(last + 1);
    for (std::size_t i = 0; i < last->num_children; ++i) {
      // As in drop().
      if (children[i]->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
      const auto destroy_later = [](void* kept) { destroy(static_cast<const PathNode*>(kept)); };
      if (!base::Reclaimer::keeps(children[i], destroy_later)) bury(children[i]);
    }
    ::operator delete(last);
  }
}

}  // namespace ingress::routing
