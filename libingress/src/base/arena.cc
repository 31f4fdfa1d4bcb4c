#include "base/arena.h"

#include <algorithm>
#include <cstring>

namespace ingress::base {

char* Arena::take(std::size_t size) {
  if (chunks_.empty() || chunks_.back().capacity - used_ < size) {
    const std::size_t grown = chunks_.empty() ? kChunkBytes : chunks_.back().capacity * 2;
    const std::size_t capacity = std::max(std::min(grown, kMaxKeptBytes), size);
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(capacity), capacity});
    used_ = 0;
  }
  char* taken = chunks_.back().bytes.get() + used_;
  used_ += size;
  return taken;
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* bytes = take(text.size());
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

void Arena::reset() {
  used_ = 0;
  Chunk kept{nullptr, 0};
  for (Chunk& chunk : chunks_) {
    if (chunk.capacity > kept.capacity && chunk.capacity <= kMaxKeptBytes) std::swap(kept, chunk);
  }
  chunks_.clear();
  if (kept.bytes) chunks_.push_back(std::move(kept));
}

std::size_t Arena::size_bytes() const {
  std::size_t sum = 0;
  for (const Chunk& chunk : chunks_) sum += chunk.capacity;
  return sum;
}

}  // namespace ingress::base
