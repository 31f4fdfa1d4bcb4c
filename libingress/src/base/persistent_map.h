// A map of entries that carry their key, whose versions share their nodes: the base of the config tables.
//
// For: tables of a hundred thousand keys of which one changes; the change copies the nodes on one path
// (O(log n)), all else stays shared with the old version.
// Owner: a snapshot, or whoever compiles one. A map is a value; copying it counts one reference.
// Thread: any, for everything but Builder; a version never changes.
// Always true: equal content gives equal structure, whatever the history: a node of at most 48 entries is
// a leaf, one of more is a branch by the next 6 bits of the hash (bits used up: a leaf of any size). So a
// lookup among 150,000 reads two branches, which a cache keeps, one leaf and the entry.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/persistent_map_node.h"
#include "base/table_hash.h"

namespace ingress::base {

// `Entry` has `std::string_view key() const`, which never changes, and what CountedPtr<const Entry> needs.
template <class Entry, class Hash = TableHash>
class PersistentMap {
 public:
  using Pointer = CountedPtr<const Entry>;
  class Builder;

  PersistentMap() = default;

  // Null when absent. The entry lives as long as some version that has it. Neither allocates nor counts.
  const Entry* find(std::string_view key) const {
    return root_ ? find_entry(root_.get(), Hash{}(key), key) : nullptr;
  }
  std::size_t size() const { return root_ ? root_->num_entries : 0; }
  bool is_empty() const { return !root_; }
  // Whether both are one version, by identity: constant time, may be false for equal content.
  bool is_same(const PersistentMap& other) const { return root_.get() == other.root_.get(); }

  // This map with `entry` (not null) for its key, or without `key`. The same version when nothing changes.
  PersistentMap with(Pointer entry) const {
    Builder builder(*this);
    builder.put(std::move(entry));
    return builder.take();
  }
  PersistentMap without(std::string_view key) const {
    Builder builder(*this);
    builder.erase(key);
    return builder.take();
  }

  // visit(const Entry&) for each entry, in no stated order.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for_each_slot(root_.get(), [&](const Slot& slot) { visit(*slot.entry); });
  }
  // visit(const Entry* before, const Entry* after) for each key whose entry is not the same object; null =
  // absent. Skips what both share, so it costs about what has changed. No stated order.
  template <class Visit>
  static void diff(const PersistentMap& before, const PersistentMap& after, Visit&& visit) {
    diff_nodes(before.root_.get(), after.root_.get(), visit);
  }
  // visit(const void* node, std::size_t bytes) for each node: what versions share, and memory.
  template <class Visit>
  void for_each_node(Visit&& visit) const {
    visit_nodes(root_.get(), visit);
  }

 private:
  using Node = MapNode<Entry>;
  using Slot = typename Node::Slot;
  using Child = typename Node::Child;
  using Kind = typename Node::Kind;
  static constexpr std::size_t kMaxLeafEntries = Node::kMaxTags;
  static constexpr unsigned kBitsPerLevel = 6;
  static constexpr unsigned kMaxLevel = 11;  // 10 levels of 6 bits and one of 4

  explicit PersistentMap(Child root) : root_(std::move(root)) {}

  // Takes bits from the top, so that walking children in order gives entries in order of hash.
  static std::uint64_t child_number(std::uint64_t hash, unsigned level) {
    return hash << (kBitsPerLevel * level) >> (64 - kBitsPerLevel);
  }
  static std::uint64_t child_bit(std::uint64_t hash, unsigned level) {
    return std::uint64_t{1} << child_number(hash, level);
  }
  static std::size_t child_index(std::uint64_t bitmap, std::uint64_t bit) {
    return static_cast<std::size_t>(std::popcount(bitmap & (bit - 1)));
  }
  static bool is_before(const Slot& slot, std::uint64_t hash, std::string_view key) {
    return slot.hash != hash ? slot.hash < hash : slot.entry->key() < key;
  }
  static std::size_t lower_bound(const Node& leaf, std::uint64_t hash, std::string_view key) {
    const auto slots = leaf.slots();
    const auto at = std::partition_point(slots.begin(), slots.end(),
                                         [&](const Slot& slot) { return is_before(slot, hash, key); });
    return static_cast<std::size_t>(at - slots.begin());
  }
  static bool is_at(const Node& leaf, std::size_t at, std::uint64_t hash, std::string_view key) {
    return at < leaf.count && leaf.slots()[at].hash == hash && leaf.slots()[at].entry->key() == key;
  }

  static const Entry* find_entry(const Node* node, std::uint64_t hash, std::string_view key) {
    for (unsigned level = 0; node->kind == Kind::kBranch; ++level) {
      const std::uint64_t number = child_number(hash, level);
      // Most branches of a large map are full.
      if (node->bitmap == ~std::uint64_t{0}) {
        node = node->children()[number].get();
        continue;
      }
      const std::uint64_t bit = std::uint64_t{1} << number;
      if (!(node->bitmap & bit)) return nullptr;
      node = node->children()[child_index(node->bitmap, bit)].get();
    }
    for (std::uint64_t left = node->candidates(hash); left != 0; left &= left - 1) {
      const Slot& slot = node->slots()[static_cast<std::size_t>(std::countr_zero(left))];
      if (slot.hash == hash && slot.entry->key() == key) return slot.entry.get();
    }
    return node->count <= Node::kMaxTags ? nullptr : find_by_search(*node, hash, key);
  }
  // For leaves of colliding hashes, which have more slots than tags.
  static const Entry* find_by_search(const Node& leaf, std::uint64_t hash, std::string_view key) {
    const std::size_t at = lower_bound(leaf, hash, key);
    return is_at(leaf, at, hash, key) ? leaf.slots()[at].entry.get() : nullptr;
  }

  template <class Visit>
  static void for_each_slot(const Node* node, Visit&& visit) {
    if (!node) return;
    if (node->kind == Kind::kLeaf) {
      for (const Slot& slot : node->slots()) visit(slot);
      return;
    }
    for (const Child& child : node->children()) for_each_slot(child.get(), visit);
  }
  template <class Visit>
  static void visit_nodes(const Node* node, Visit& visit) {
    if (!node) return;
    visit(static_cast<const void*>(node), node->size_bytes());
    if (node->kind == Kind::kLeaf) return;
    for (const Child& child : node->children()) visit_nodes(child.get(), visit);
  }

  template <class Visit>
  static void diff_nodes(const Node* before, const Node* after, Visit& visit) {
    if (before == after) return;
    if (!before || !after || before->kind == Kind::kLeaf || after->kind == Kind::kLeaf) {
      diff_slots(before, after, visit);
      return;
    }
    for (std::uint64_t left = before->bitmap | after->bitmap; left != 0; left &= left - 1) {
      const std::uint64_t bit = left & -left;
      const auto child = [bit](const Node& node) -> const Node* {
        return node.bitmap & bit ? node.children()[child_index(node.bitmap, bit)].get() : nullptr;
      };
      diff_nodes(child(*before), child(*after), visit);
    }
  }
  // At least one side has 48 entries or fewer, so this is linear in what differs.
  template <class Visit>
  static void diff_slots(const Node* before, const Node* after, Visit& visit) {
    std::vector<const Slot*> old_slots;
    std::vector<const Slot*> new_slots;
    for_each_slot(before, [&](const Slot& slot) { old_slots.push_back(&slot); });
    for_each_slot(after, [&](const Slot& slot) { new_slots.push_back(&slot); });
    auto a = old_slots.begin();
    auto b = new_slots.begin();
    while (a != old_slots.end() || b != new_slots.end()) {
      const Slot* old_slot = a != old_slots.end() ? *a : nullptr;
      const Slot* new_slot = b != new_slots.end() ? *b : nullptr;
      if (old_slot && new_slot) {
        if (is_before(*old_slot, new_slot->hash, new_slot->entry->key())) {
          new_slot = nullptr;
        } else if (is_before(*new_slot, old_slot->hash, old_slot->entry->key())) {
          old_slot = nullptr;
        }
      }
      const Entry* old_entry = old_slot ? old_slot->entry.get() : nullptr;
      const Entry* new_entry = new_slot ? new_slot->entry.get() : nullptr;
      if (old_entry != new_entry) visit(old_entry, new_entry);
      if (old_slot) ++a;
      if (new_slot) ++b;
    }
  }

  Child root_;
};

// Many changes at once: nodes made by this builder are changed in place, so that building n entries
// copies nothing twice.
// Owner and thread: its maker's. The map it started from never changes.
template <class Entry, class Hash>
class PersistentMap<Entry, Hash>::Builder {
 public:
  explicit Builder(PersistentMap base = {}) : root_(std::move(base.root_)), edit_(next_edit_id()) {}
  Builder(const Builder&) = delete;  // two builders must not share an edit id
  Builder& operator=(const Builder&) = delete;

  const Entry* find(std::string_view key) const {
    return root_ ? find_entry(root_.get(), Hash{}(key), key) : nullptr;
  }
  std::size_t size() const { return root_ ? root_->num_entries : 0; }

  void put(Pointer entry) {
    assert(entry);
    const std::string_view key = entry->key();
    const std::uint64_t hash = Hash{}(key);
    if (root_ && find_entry(root_.get(), hash, key) == entry.get()) return;
    put_at(root_, 0, {hash, std::move(entry)});
  }
  void erase(std::string_view key) {
    const std::uint64_t hash = Hash{}(key);
    if (root_ && find_entry(root_.get(), hash, key)) erase_at(root_, 0, hash, key);
  }
  // What was built; the builder goes on from there.
  PersistentMap take() {
    edit_ = next_edit_id();  // nodes handed out are no longer ours to change
    return PersistentMap(root_);
  }

 private:
  void put_at(Child& node, unsigned level, Slot slot) {
    if (!node) {
      node = make_subtree({&slot, 1}, level);
    } else if (node->kind == Kind::kLeaf) {
      put_into_leaf(node, level, std::move(slot));
    } else {
      const std::uint64_t bit = child_bit(slot.hash, level);
      const std::size_t at = child_index(node->bitmap, bit);
      const bool is_new = !(node->bitmap & bit);
      Node::make_writable(node, edit_, is_new ? 1 : 0);
      if (is_new) {
        node->insert(at, Child());
        node->bitmap |= bit;
      }
      Child& child = node->children()[at];
      const std::size_t num_before = child ? child->num_entries : 0;
      put_at(child, level + 1, std::move(slot));
      node->num_entries += child->num_entries - num_before;
    }
  }

  void put_into_leaf(Child& node, unsigned level, Slot slot) {
    const std::size_t at = lower_bound(*node, slot.hash, slot.entry->key());
    if (is_at(*node, at, slot.hash, slot.entry->key())) {
      Node::make_writable(node, edit_, 0);
      node->slots()[at] = std::move(slot);
    } else if (node->count < kMaxLeafEntries || level == kMaxLevel) {
      Node::make_writable(node, edit_, 1);
      node->insert(at, std::move(slot));
      node->num_entries = node->count;
    } else {
      const auto slots = node->slots();
      std::vector<Slot> all(slots.begin(), slots.end());
      all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), std::move(slot));
      node = make_subtree(all, level);
    }
  }

  // `slots` are sorted; moves them into the canonical subtree for them.
  Child make_subtree(std::span<Slot> slots, unsigned level) {
    if (slots.size() <= kMaxLeafEntries || level == kMaxLevel) {
      Child leaf = Node::make(Kind::kLeaf, slots.size(), edit_);
      for (Slot& slot : slots) leaf->insert(leaf->count, std::move(slot));
      leaf->num_entries = slots.size();
      return leaf;
    }
    std::uint64_t bitmap = 0;
    for (const Slot& slot : slots) bitmap |= child_bit(slot.hash, level);
    Child branch = Node::make(Kind::kBranch, static_cast<std::size_t>(std::popcount(bitmap)), edit_);
    branch->bitmap = bitmap;
    branch->num_entries = slots.size();
    while (!slots.empty()) {
      const std::uint64_t bit = child_bit(slots.front().hash, level);
      const auto end = std::partition_point(
          slots.begin(), slots.end(), [&](const Slot& slot) { return child_bit(slot.hash, level) <= bit; });
      const auto size = static_cast<std::size_t>(end - slots.begin());
      branch->insert(branch->count, make_subtree(slots.first(size), level + 1));
      slots = slots.subspan(size);
    }
    return branch;
  }

  // The key must be there.
  void erase_at(Child& node, unsigned level, std::uint64_t hash, std::string_view key) {
    if (node->num_entries == 1) {
      node = Child();
    } else if (node->kind == Kind::kLeaf) {
      Node::make_writable(node, edit_, 0);
      node->template remove<Slot>(lower_bound(*node, hash, key));
      node->num_entries = node->count;
    } else {
      const std::uint64_t bit = child_bit(hash, level);
      const std::size_t at = child_index(node->bitmap, bit);
      Node::make_writable(node, edit_, 0);
      --node->num_entries;
      erase_at(node->children()[at], level + 1, hash, key);
      if (!node->children()[at]) {
        node->template remove<Child>(at);
        node->bitmap &= ~bit;
      }
      if (node->num_entries <= kMaxLeafEntries) collapse(node, level);
    }
  }
  void collapse(Child& node, unsigned level) {
    std::vector<Slot> all;
    for_each_slot(node.get(), [&](const Slot& slot) { all.push_back(slot); });
    node = make_subtree(all, level);
  }

  Child root_;
  std::uint64_t edit_;
};

}  // namespace ingress::base
