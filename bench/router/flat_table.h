// The floor of the lookups: a flat table with open addressing, exact keys of host and path joined. No
// prefixes, no precedence, no versions, no deletion; the hash has no key, so strangers could crowd it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ingress::bench {

class FlatTable {
 public:
  explicit FlatTable(std::size_t size) : slots_(std::bit_ceil(size * 2)) {}

  void put(std::string_view key, std::uint32_t value) {
    std::size_t at = hash(key) & mask();
    while (slots_[at].key_bytes != 0) at = (at + 1) & mask();
    slots_[at] = {static_cast<std::uint32_t>(hash(key) >> 32), static_cast<std::uint32_t>(keys_.size()),
                  static_cast<std::uint32_t>(key.size()), value};
    keys_ += key;
  }
  // Null when absent.
  const std::uint32_t* find(std::string_view key) const {
    const std::uint64_t wanted = hash(key);
    for (std::size_t at = wanted & mask(); slots_[at].key_bytes != 0; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.hash != static_cast<std::uint32_t>(wanted >> 32)) continue;
      if (std::string_view(keys_).substr(slot.key_at, slot.key_bytes) == key) return &slot.value;
    }
    return nullptr;
  }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t key_at = 0;
    std::uint32_t key_bytes = 0;  // 0: free
    std::uint32_t value = 0;
  };
  static std::uint64_t hash(std::string_view key) { return std::hash<std::string_view>{}(key); }
  std::size_t mask() const { return slots_.size() - 1; }

  std::vector<Slot> slots_;
  std::string keys_;
};

}  // namespace ingress::bench
