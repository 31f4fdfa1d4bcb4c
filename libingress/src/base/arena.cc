#include "base/arena.h"

#include <algorithm>
#include <cstring>

namespace ingress::base {

char* Arena::take_chunk(std::size_t size) {
  const std::size_t grown = last_.bytes ? last_.capacity * 2 : kChunkBytes;
  const std::size_t capacity = std::max(std::min(grown, kMaxKeptBytes), size);
  if (last_.bytes) older_.push_back(std::move(last_));
  last_ = {std::make_unique_for_overwrite<char[]>(capacity), capacity};
  used_ = size;
  return last_.bytes.get();
}

std::string_view Arena::copy(std::string_view text) {
  if (text.empty()) return {};
  char* bytes = take(text.size());
  std::memcpy(bytes, text.data(), text.size());
  return {bytes, text.size()};
}

void Arena::reset() {
  used_ = 0;
  if (older_.empty() && last_.capacity <= kMaxKeptBytes) return;
  if (last_.capacity > kMaxKeptBytes) last_ = {nullptr, 0};
  for (Chunk& chunk : older_) {
    if (chunk.capacity > last_.capacity && chunk.capacity <= kMaxKeptBytes) std::swap(last_, chunk);
  }
  older_.clear();
}

std::size_t Arena::size_bytes() const {
  std::size_t sum = last_.capacity;
  for (const Chunk& chunk : older_) sum += chunk.capacity;
  return sum;
}

}  // namespace ingress::base
