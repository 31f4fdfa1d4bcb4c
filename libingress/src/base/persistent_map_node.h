// Memory of PersistentMap: entries, and nodes whose items follow their head in one allocation, so that
// a step of a lookup touches one place.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/counted_ptr.h"

namespace ingress::base {

// One key with its value; shared by all versions that have this pair.
template <class T>
struct MapEntry {
  MapEntry(std::string_view k, std::shared_ptr<const T> v) : key(k), value(std::move(v)) {}
  static void destroy(const MapEntry* entry) { delete entry; }

  mutable std::atomic<std::uint32_t> refs{0};
  const std::string key;
  const std::shared_ptr<const T> value;
};

// A leaf (items are slots, sorted by hash, then key) or a branch (items are children, one per set bit).
template <class T>
class MapNode {
 public:
  enum class Kind : std::uint8_t { kLeaf, kBranch };
  struct Slot {
    std::uint64_t hash;
    CountedPtr<const MapEntry<T>> entry;
  };
  using Child = CountedPtr<MapNode>;

  static Child make(Kind kind, std::size_t capacity, std::uint64_t edit) {
    const auto room = static_cast<std::uint32_t>((capacity + 3) / 4 * 4);
    void* memory = ::operator new(bytes(kind, room));
    return Child(new (memory) MapNode(kind, room, edit));
  }
  static void destroy(MapNode* node) {
    if (node->kind == Kind::kLeaf) {
      std::destroy_n(node->template items<Slot>(), node->count);
    } else {
      std::destroy_n(node->template items<Child>(), node->count);
    }
    const std::size_t size = bytes(node->kind, node->capacity);
    node->~MapNode();
    ::operator delete(node, size);
  }
  // Makes `node` one that `edit` may change and that has room for `extra` more items: itself when the
  // edit made it, else a copy.
  static void make_writable(Child& node, std::uint64_t edit, std::size_t extra) {
    if (node->edit == edit && node->count + extra <= node->capacity) return;
    Child copy = make(node->kind, node->count + extra, edit);
    copy->bitmap = node->bitmap;
    copy->num_entries = node->num_entries;
    copy->count = node->count;
    if (node->kind == Kind::kLeaf) {
      std::uninitialized_copy_n(node->template items<Slot>(), node->count, copy->template items<Slot>());
    } else {
      std::uninitialized_copy_n(node->template items<Child>(), node->count, copy->template items<Child>());
    }
    node = std::move(copy);
  }

  std::span<Slot> slots() { return {items<Slot>(), count}; }
  std::span<const Slot> slots() const { return {items<Slot>(), count}; }
  std::span<Child> children() { return {items<Child>(), count}; }
  std::span<const Child> children() const { return {items<Child>(), count}; }

  // Room must be there.
  template <class Item>
  void insert(std::size_t at, Item item) {
    Item* all = items<Item>();
    if (at == count) {
      std::construct_at(all + count, std::move(item));
    } else {
      std::construct_at(all + count, std::move(all[count - 1]));
      std::move_backward(all + at, all + count - 1, all + count);
      all[at] = std::move(item);
    }
    ++count;
  }
  template <class Item>
  void remove(std::size_t at) {
    Item* all = items<Item>();
    std::move(all + at + 1, all + count, all + at);
    std::destroy_at(all + --count);
  }

  std::size_t size_bytes() const { return bytes(kind, capacity); }

  mutable std::atomic<std::uint32_t> refs{0};
  std::uint32_t count = 0;
  const std::uint32_t capacity;
  const Kind kind;
  const std::uint64_t edit;
  std::uint64_t bitmap = 0;     // of a branch: which of the 64 children exist
  std::size_t num_entries = 0;  // here and below

 private:
  MapNode(Kind k, std::uint32_t room, std::uint64_t e) : capacity(room), kind(k), edit(e) {}
  static std::size_t bytes(Kind kind, std::size_t capacity) {
    return sizeof(MapNode) + capacity * (kind == Kind::kLeaf ? sizeof(Slot) : sizeof(Child));
  }
  template <class Item>
  Item* items() const {
    static_assert(alignof(Item) <= alignof(MapNode));
    auto* head = const_cast<MapNode*>(this);  // items are as const as the span that shows them
    return reinterpret_cast<Item*>(head + 1);
  }
};

}  // namespace ingress::base
