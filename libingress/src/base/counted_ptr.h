// Owning pointer to a node that carries its own reference count; half the size of a shared_ptr, and the
// count lies in the node's own allocation.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/reclaimer.h"

namespace ingress::base {

// `Node` has `mutable std::atomic<std::uint32_t> refs`, starting at 0, and `static void destroy(Node*)`.
// Threads: any; versions of one structure may be held and dropped by several at once.
template <class Node>
class CountedPtr {
 public:
  CountedPtr() = default;
  explicit CountedPtr(Node* node) : node_(node) { retain(); }
  CountedPtr(const CountedPtr& other) : node_(other.node_) { retain(); }
  CountedPtr(CountedPtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  CountedPtr& operator=(CountedPtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~CountedPtr() { release(); }
  // Takes over a reference that the caller has counted.
  static CountedPtr adopt(Node* node) {
    CountedPtr pointer;
    pointer.node_ = node;
    return pointer;
  }

  Node* get() const { return node_; }
  Node* operator->() const { return node_; }
  Node& operator*() const { return *node_; }
  explicit operator bool() const { return node_ != nullptr; }

 private:
  // Relaxed: whoever copies a pointer already holds a reference, so nothing is published here.
  void retain() {
    if (node_) node_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  // The thread that drops the last reference meets all that dropped one before: release makes their
  // reads of the node end before the count falls, acquire makes the freeing start after that.
  void release() {
    if (node_ && node_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) end_of(node_);
  }
  static void end_of(Node* node) {
    using Plain = std::remove_const_t<Node>;
    if (Reclaimer::keeps(const_cast<Plain*>(node),
                         [](void* kept) { Node::destroy(static_cast<Node*>(kept)); }))
      return;
    Node::destroy(node);
  }

  Node* node_ = nullptr;
};

// Names one edit of persistent nodes. A node that carries an edit's id was made by that edit and is
// reachable from nowhere else until the edit ends, so the edit may change it in place. (A count of one
// would not prove that: the parent may be shared.) Ids are never used twice; 0 is no edit.
inline std::uint64_t next_edit_id() {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;  // only uniqueness matters
}

}  // namespace ingress::base
