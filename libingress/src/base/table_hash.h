// The hash of the tables that every request asks.
//
// Keyed, with random keys of the process: who names hosts in objects must not be able to work out at home
// which of them meet in one place of a table. Three multiplications for a host name where SipHash takes
// forty cycles (hash.h), and not of its strength: who could watch hash values might find collisions. The
// tables show none, and collisions cost them little: a leaf of equal hashes is searched by key.
// Values differ between processes and must not be stored or shown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace ingress::base {

struct TableHashKey {
  std::uint64_t start;
  std::uint64_t word;
  std::uint64_t end;
};
TableHashKey make_table_hash_key();
// Of this process, drawn on first use.
inline const TableHashKey& table_hash_key() {
  static const TableHashKey key = make_table_hash_key();
  return key;
}

namespace table_hash_detail {

template <class Word>
std::uint64_t load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}
// Both halves of the product, folded: each bit of the result depends on all bits of both.
inline std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace table_hash_detail

inline std::uint64_t hash_for_table(const TableHashKey& key, std::string_view text) {
  using namespace table_hash_detail;
  const char* at = text.data();
  const std::size_t size = text.size();
  std::uint64_t state = key.start ^ size;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  if (size > 16) {
    const char* last = at + size - 16;  // may overlap what came before: every byte counts, some count twice
    for (; at < last; at += 16) {
      state = fold(load<std::uint64_t>(at) ^ key.word, load<std::uint64_t>(at + 8) ^ state);
    }
    first = load<std::uint64_t>(last);
    second = load<std::uint64_t>(last + 8);
  } else if (size >= 8) {
    first = load<std::uint64_t>(at);
    second = load<std::uint64_t>(at + size - 8);
  } else if (size >= 4) {
    first = load<std::uint32_t>(at);
    second = load<std::uint32_t>(at + size - 4);
  } else if (size > 0) {
    const auto byte = [at](std::size_t i) {
      return static_cast<std::uint64_t>(static_cast<unsigned char>(at[i]));
    };
    first = byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
  }
  return fold(fold(first ^ key.word, second ^ state) ^ key.end, key.start);
}

struct TableHash {
  std::uint64_t operator()(std::string_view text) const { return hash_for_table(table_hash_key(), text); }
};

}  // namespace ingress::base
