// Memory of PersistentMap: nodes whose items follow their head in one allocation, so that a step of a
// lookup touches one place.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/counted_ptr.h"

namespace ingress::base {

// A leaf (items are slots, sorted by hash, then key) or a branch (items are children, one per set bit).
template <class Entry>
class MapNode {
 public:
  static constexpr std::size_t kMaxTags = 48;
  enum class Kind : std::uint8_t { kLeaf, kBranch };
  struct Slot {
    std::uint64_t hash;
    CountedPtr<const Entry> entry;
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
  // edit made it and there is room, else another with what it had.
  static void make_writable(Child& node, std::uint64_t edit, std::size_t extra) {
    const bool is_ours = node->edit == edit;
    if (is_ours && node->count + extra <= node->capacity) return;
    // One that grows again and again in one edit gets room for more than the next.
    Child other = make(node->kind, node->count + extra + (is_ours ? node->count / 2 : 0), edit);
    other->bitmap = node->bitmap;
    other->num_entries = node->num_entries;
    if (node->kind == Kind::kLeaf) {
      other->template take_items<Slot>(*node, is_ours);
    } else {
      other->template take_items<Child>(*node, is_ours);
    }
    node = std::move(other);
  }

  std::span<Slot> slots() { return {items<Slot>(), count}; }
  std::span<const Slot> slots() const { return {items<Slot>(), count}; }
  std::span<Child> children() { return {items<Child>(), count}; }
  std::span<const Child> children() const { return {items<Child>(), count}; }

  // Of a leaf: which of its first kMaxTags slots may have this hash, a bit each. One slot in 256 of those
  // that have another is among them. Without branches, which no processor could foresee: the lookups of
  // several requests overlap while memory is awaited.
  std::uint64_t candidates(std::uint64_t hash) const {
    std::uint64_t found = 0;
#if defined(__SSE2__)
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(tag_of(hash)));
    for (std::size_t i = 0; i < kMaxTags; i += sizeof(__m128i)) {
      const __m128i equal =
          _mm_cmpeq_epi8(wanted, _mm_loadu_si128(reinterpret_cast<const __m128i*>(&tags[i])));
      found |= static_cast<std::uint64_t>(_mm_movemask_epi8(equal)) << i;
    }
#else
    for (std::size_t i = 0; i < kMaxTags; ++i) found |= std::uint64_t{tags[i] == tag_of(hash)} << i;
#endif
    return count < kMaxTags ? found & ((std::uint64_t{1} << count) - 1) : found;
  }

  // Room must be there.
  template <class Item>
  void insert(std::size_t at, Item item) {
    if constexpr (std::is_same_v<Item, Slot>) {
      if (at < kMaxTags) {
        std::copy_backward(tags.begin() + at, tags.end() - 1, tags.end());
        tags[at] = tag_of(item.hash);
      }
    }
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
    if constexpr (std::is_same_v<Item, Slot>) {
      if (at < kMaxTags) {
        std::copy(tags.begin() + at + 1, tags.end(), tags.begin() + at);
        if (count > kMaxTags) tags.back() = tag_of(all[kMaxTags].hash);
      }
    }
    std::move(all + at + 1, all + count, all + at);
    std::destroy_at(all + --count);
  }

  std::size_t size_bytes() const { return bytes(kind, capacity); }

  mutable std::atomic<std::uint32_t> refs{0};
  std::uint32_t count = 0;
  const std::uint32_t capacity;
  const Kind kind;
  const std::uint64_t edit;
  std::uint64_t bitmap = 0;                   // of a branch: which of the 64 children exist
  std::size_t num_entries = 0;                // here and below
  std::array<std::uint8_t, kMaxTags> tags{};  // of a leaf: 8 bits of the hash of each of the first slots

 private:
  MapNode(Kind k, std::uint32_t room, std::uint64_t e) : capacity(room), kind(k), edit(e) {}
  // Moving spares the counts of all items, which lie wherever those do.
  template <class Item>
  void take_items(MapNode& from, bool may_move) {
    if (may_move) {
      std::uninitialized_move_n(from.items<Item>(), from.count, items<Item>());
    } else {
      std::uninitialized_copy_n(from.items<Item>(), from.count, items<Item>());
    }
    count = from.count;
    tags = from.tags;
  }
  // The last bits: leaves have the first ones in common.
  static std::uint8_t tag_of(std::uint64_t hash) { return static_cast<std::uint8_t>(hash); }
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
