// Bump allocation for the lifetime of one message: reset, not freed.
//
// Owner: a Headers or an exchange. Thread: its owner's. Always true: memory handed out stays where it
// is until reset(). The largest chunk up to kMaxKeptBytes is kept by reset(), so a steady state of
// messages below that size allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace ingress::base {

class Arena {
 public:
  static constexpr std::size_t kChunkBytes = 2048;  // the first; each next one is twice as large
  static constexpr std::size_t kMaxKeptBytes = 8192;

  // `size` bytes, not aligned beyond char. What does not fit gets a new chunk.
  char* take(std::size_t size) {
    if (last_.capacity - used_ <= size) return take_chunk(size);  // also where there is no chunk yet
    char* const taken = last_.bytes.get() + used_;
    used_ += size;
    return taken;
  }
  std::string_view copy(std::string_view text);
  void reset();
  std::size_t size_bytes() const;  // of all chunks

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity;
  };
  char* take_chunk(std::size_t size);

  Chunk last_{nullptr, 0};
  std::size_t used_ = 0;  // in `last_`
  std::vector<Chunk> older_;
};

}  // namespace ingress::base
