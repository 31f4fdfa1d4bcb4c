#include "base/hash.h"

#include <sys/random.h>

#include <bit>
#include <chrono>
#include <cstring>

namespace ingress::base {
namespace {

struct Key {
  std::uint64_t low;
  std::uint64_t high;
};

Key make_key() {
  Key key;
  if (getrandom(&key, sizeof(key), 0) == static_cast<ssize_t>(sizeof(key))) return key;
  // Kernels before 3.17 only. Weaker, but start-up does not fail for it.
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return {static_cast<std::uint64_t>(now), reinterpret_cast<std::uintptr_t>(&make_key)};
}

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
    v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
  }
  void absorb(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

// In the machine's order: values never leave the process.
std::uint64_t load(const char* from) {
  std::uint64_t word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// What is left of a text that had `size` bytes, with zeros behind it. Where the text is long enough, the
// bytes come from a load that begins before them: a copy of so few costs more than the hash of a word.
std::uint64_t last_word(std::string_view rest, std::uint64_t size) {
  if (rest.empty()) return 0;
  if (std::endian::native == std::endian::little && size >= sizeof(std::uint64_t)) {
    return load(rest.data() + rest.size() - sizeof(std::uint64_t)) >>
           (8 * (sizeof(std::uint64_t) - rest.size()));
  }
  std::uint64_t word = 0;
  std::memcpy(&word, rest.data(), rest.size());
  return word;
}

}  // namespace

std::uint64_t sip_hash(std::uint64_t key0, std::uint64_t key1, std::string_view text) {
  State state{key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du, key0 ^ 0x6c7967656e657261u,
              key1 ^ 0x7465646279746573u};
  const std::uint64_t size = text.size();
  for (; text.size() >= sizeof(std::uint64_t); text.remove_prefix(sizeof(std::uint64_t))) {
    state.absorb(load(text.data()));
  }
  state.absorb(last_word(text, size) | size << 56);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::uint64_t hash_text(std::string_view text) {
  static const Key key = make_key();
  return sip_hash(key.low, key.high, text);
}

}  // namespace ingress::base
