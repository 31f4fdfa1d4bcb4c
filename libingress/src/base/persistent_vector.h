// A vector of shared values whose versions share their chunks: tables addressed by slot number.
//
// For: a table of which one slot changes; the change copies one chunk of 64 and the nodes above it.
// Owner: a snapshot, or whoever compiles one. A vector is a value; copying it counts one reference.
// Thread: any, for everything but Builder; a version never changes.
// Always true: slots never set are null and cost nothing by the chunk; the size never shrinks.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/counted_ptr.h"

namespace ingress::base {

template <class T>
class PersistentVector {
 public:
  using Pointer = std::shared_ptr<const T>;
  static constexpr std::size_t kWidth = 64;
  class Builder;

  // Null when the slot is unset or not below size(). Neither allocates nor counts.
  const T* at(std::size_t index) const {
    const Pointer* slot = find_slot(index);
    return slot ? slot->get() : nullptr;
  }
  // As at(), sharing ownership of the value.
  Pointer share(std::size_t index) const {
    const Pointer* slot = find_slot(index);
    return slot ? *slot : nullptr;
  }
  std::size_t size() const { return size_; }
  // Whether both are one version, by identity: constant time, may be false for equal content.
  bool is_same(const PersistentVector& other) const {
    return root_.get() == other.root_.get() && size_ == other.size_;
  }

  // This vector with the slot set (null empties it); grows to index + 1 when that is more than size().
  PersistentVector with(std::size_t index, Pointer value) const {
    Builder builder(*this);
    builder.set(index, std::move(value));
    return builder.take();
  }

  // visit(std::size_t index, const T& value) for each slot that is set, in order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    const auto compare_with_none = [&](std::size_t index, const T*, const T* value) { visit(index, *value); };
    diff_nodes(nullptr, root_.get(), depth_, 0, compare_with_none);
  }
  // visit(std::size_t index, const T* before, const T* after) for each slot whose pointer differs, in
  // order; null = unset. Skips chunks that both share.
  template <class Visit>
  static void diff(PersistentVector before, PersistentVector after, Visit&& visit) {
    const unsigned depth = before.depth_ > after.depth_ ? before.depth_ : after.depth_;
    before.deepen(depth, 0);
    after.deepen(depth, 0);
    diff_nodes(before.root_.get(), after.root_.get(), depth, 0, visit);
  }
  // visit(const void* node, std::size_t bytes) for each node: what versions share, and memory.
  template <class Visit>
  void for_each_node(Visit&& visit) const {
    visit_nodes(root_.get(), depth_, visit);
  }

 private:
  struct Chunk;
  struct Branch;
  // Which of the two a node is follows from its depth; `is_chunk` is for destroy() alone.
  struct Node {
    Node(bool c, std::uint64_t e) : is_chunk(c), edit(e) {}
    static void destroy(Node* node) {
      if (node->is_chunk) {
        delete static_cast<Chunk*>(node);
      } else {
        delete static_cast<Branch*>(node);
      }
    }
    mutable std::atomic<std::uint32_t> refs{0};
    const bool is_chunk;
    const std::uint64_t edit;
  };
  using Child = CountedPtr<Node>;
  struct Chunk : Node {
    explicit Chunk(std::uint64_t e) : Node(true, e) {}
    std::array<Pointer, kWidth> items;
  };
  struct Branch : Node {
    explicit Branch(std::uint64_t e) : Node(false, e) {}
    std::array<Child, kWidth> items;
  };

  static constexpr unsigned kBits = 6;
  static std::size_t digit(std::size_t index, unsigned level) {
    return index >> (kBits * level) & (kWidth - 1);
  }
  static const Chunk& as_chunk(const Node& node) { return static_cast<const Chunk&>(node); }
  static const Branch& as_branch(const Node& node) { return static_cast<const Branch&>(node); }

  const Pointer* find_slot(std::size_t index) const {
    if (index >= size_) return nullptr;
    const Node* node = root_.get();
    for (unsigned level = depth_; node && level > 0; --level) {
      node = as_branch(*node).items[digit(index, level)].get();
    }
    return node ? &as_chunk(*node).items[digit(index, 0)] : nullptr;
  }

  // Puts branches above the root until the tree is `depth` deep.
  void deepen(unsigned depth, std::uint64_t edit) {
    for (; depth_ < depth; ++depth_) {
      if (!root_) continue;
      auto* branch = new Branch(edit);
      branch->items[0] = std::move(root_);
      root_ = Child(branch);
    }
  }

  template <class Visit>
  static void diff_nodes(const Node* before, const Node* after, unsigned level, std::size_t base,
                         Visit& visit) {
    if (before == after) return;
    for (std::size_t i = 0; i < kWidth; ++i) {
      if (level == 0) {
        const T* old_value = before ? as_chunk(*before).items[i].get() : nullptr;
        const T* new_value = after ? as_chunk(*after).items[i].get() : nullptr;
        if (old_value != new_value) visit(base + i, old_value, new_value);
      } else {
        diff_nodes(before ? as_branch(*before).items[i].get() : nullptr,
                   after ? as_branch(*after).items[i].get() : nullptr, level - 1,
                   base + (i << (kBits * level)), visit);
      }
    }
  }
  template <class Visit>
  static void visit_nodes(const Node* node, unsigned level, Visit& visit) {
    if (!node) return;
    visit(static_cast<const void*>(node), level == 0 ? sizeof(Chunk) : sizeof(Branch));
    if (level == 0) return;
    for (const Child& child : as_branch(*node).items) visit_nodes(child.get(), level - 1, visit);
  }

  Child root_;
  unsigned depth_ = 0;  // 0: the root is a chunk
  std::size_t size_ = 0;
};

// Many changes at once: nodes made by this builder are changed in place.
// Owner and thread: its maker's. The vector it started from never changes.
template <class T>
class PersistentVector<T>::Builder {
 public:
  explicit Builder(PersistentVector base = {}) : built_(std::move(base)), edit_(next_edit_id()) {}
  Builder(const Builder&) = delete;  // two builders must not share an edit id
  Builder& operator=(const Builder&) = delete;

  const T* at(std::size_t index) const { return built_.at(index); }
  std::size_t size() const { return built_.size(); }

  // As PersistentVector::with().
  void set(std::size_t index, Pointer value) {
    const bool is_unchanged = built_.at(index) == value.get();
    if (index >= built_.size_) built_.size_ = index + 1;
    if (is_unchanged) return;
    unsigned depth = built_.depth_;
    while (index >> kBits * depth >= kWidth) ++depth;
    built_.deepen(depth, edit_);
    Child* node = &built_.root_;
    for (unsigned level = built_.depth_; level > 0; --level) {
      node = &make_writable<Branch>(*node).items[digit(index, level)];
    }
    make_writable<Chunk>(*node).items[digit(index, 0)] = std::move(value);
  }
  // What was built; the builder goes on from there.
  PersistentVector take() {
    edit_ = next_edit_id();  // nodes handed out are no longer ours to change
    return built_;
  }

 private:
  // Makes `node` one of this edit: itself, a copy, or a new one when there is none.
  template <class Kind>
  Kind& make_writable(Child& node) {
    if (!node || node->edit != edit_) {
      auto* copy = new Kind(edit_);
      Child holder(copy);
      if (node) copy->items = static_cast<const Kind&>(*node).items;
      node = std::move(holder);
    }
    return static_cast<Kind&>(*node);
  }

  PersistentVector built_;
  std::uint64_t edit_;
};

}  // namespace ingress::base
