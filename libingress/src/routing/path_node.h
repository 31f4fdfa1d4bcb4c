// One node of a path tree: a counted, flat block.
//
// Layout: this header, the name of the host, the label, the first byte of each child's label in ascending
// order, padding, the children's pointers. A lookup that ends here or turns off here reads one or two cache
// lines. The root of a tree that a HostTable keeps is named, and is itself the entry of its table, so that a
// host with one path is one block in memory. The name comes first: where it lies must not depend on what has
// to be fetched as well.
// Owner: the trees and nodes that point at it, by count. Thread: const for everybody once a second holder
// exists; PathTree alone changes nodes, and only those that it holds alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "routing/match_list.h"

namespace ingress::routing {

struct PathNode {
  mutable std::atomic<std::uint32_t> refs;
  std::uint32_t num_children;  // 256 at most: one for each next byte
  std::uint32_t label_bytes;
  std::uint32_t host_bytes;  // 0 but in a named root
  MatchList exact;           // for the path that ends here
  MatchList prefix;          // for that path and what follows it behind a '/'

  // A node with one reference, held by the caller. Takes over one reference of each child. `children`
  // are in ascending order of their first byte. The label is `label_head` and `label_tail` joined.
  static PathNode* make(std::string_view label_head, std::string_view label_tail, MatchList exact,
                        MatchList prefix, std::span<PathNode* const> children, std::string_view host = {});
  static PathNode* hold(PathNode* node);      // one reference more
  static void drop(PathNode* node);           // one less; frees, without recursion, what nobody holds
  static void destroy(const PathNode* node);  // for CountedPtr: of one that nobody holds any more

  std::string_view key() const { return {tail(), host_bytes}; }  // the host
  std::string_view label() const { return {tail() + host_bytes, label_bytes}; }
  std::string_view first_bytes() const { return {tail() + host_bytes + label_bytes, num_children}; }
  std::span<PathNode*> children() { return {child_slots(), num_children}; }
  std::span<PathNode* const> children() const {
    return {const_cast<PathNode*>(this)->child_slots(), num_children};
  }
  bool has_matches() const { return !exact.is_empty() || !prefix.is_empty(); }
  // The child whose label starts with `byte`, or null.
  const PathNode* child(char byte) const {
    const char* first = first_bytes().data();
    if (num_children <= 8) {  // most nodes: a call would cost more than looking
      for (std::uint32_t i = 0; i < num_children; ++i) {
        if (first[i] == byte) return children()[i];
      }
      return nullptr;
    }
    const void* found = std::memchr(first, byte, num_children);
    if (found == nullptr) return nullptr;
    return children()[static_cast<std::size_t>(static_cast<const char*>(found) - first)];
  }

 private:
  static constexpr std::size_t round_up(std::size_t size) {
    return (size + alignof(PathNode*) - 1) / alignof(PathNode*) * alignof(PathNode*);
  }
  const char* tail() const { return reinterpret_cast<const char*>(this + 1); }
  PathNode** child_slots() {
    return reinterpret_cast<PathNode**>(const_cast<char*>(tail()) +
                                        round_up(std::size_t{label_bytes} + num_children + host_bytes));
  }
};

}  // namespace ingress::routing
