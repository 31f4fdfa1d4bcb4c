// Bump allocation for the lifetime of one message: reset, not freed.
//
// Owner: a Headers or an exchange. Thread: its owner's. Always true: memory handed out stays where it
// is until reset(). One chunk is kept by reset(), so a steady state allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace ingress::base {

class Arena {
 public:
  static constexpr std::size_t kChunkBytes = 2048;

  // `size` bytes, not aligned beyond char. A request larger than a chunk gets a chunk of its own.
  char* take(std::size_t size);
  std::string_view copy(std::string_view text);
  void reset();
  std::size_t size_bytes() const;  // of all chunks

 private:
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t capacity;
  };
  std::vector<Chunk> chunks_;
  std::size_t used_ = 0;  // in the last chunk
};

}  // namespace ingress::base
