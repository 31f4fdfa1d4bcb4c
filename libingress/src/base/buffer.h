// Pooled blocks, slices of them and chains of slices: the unit of zero-copy I/O.
//
// For: bytes read from one socket and written to another without a copy in between.
// Owner: a BufferPool belongs to one worker; blocks return to it when their last slice goes.
// Thread: that worker's only; reference counts are plain integers.
// Caller: destroys all slices before the pool.
// Always true: a block's bytes [0, used) never change while more than one slice refers to it.
#pragma once

#include <sys/uio.h>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ingress::base {

class BufferPool;

// A block of memory with its count; lives in a pool's free list or behind slices. Its bytes follow it
// in the same allocation.
struct Block {
  BufferPool* pool;
  std::uint32_t refs;
  std::uint32_t capacity;
  std::uint32_t used;  // end of the part that some slice has ever covered
  std::uint8_t size_class;
  Block* next_free;
  char* data() { return reinterpret_cast<char*>(this + 1); }
};

// Part of a block; copying it counts a reference.
class Slice {
 public:
  Slice() = default;
  Slice(Block* adopted, std::uint32_t offset, std::uint32_t size)  // takes over one reference
      : block_(adopted), offset_(offset), size_(size) {
    if (adopted->used < offset + size) adopted->used = offset + size;
  }
  Slice(const Slice& other) : block_(other.block_), offset_(other.offset_), size_(other.size_) {
    if (block_) ++block_->refs;
  }
  Slice(Slice&& other) noexcept
      : block_(std::exchange(other.block_, nullptr)),
        offset_(std::exchange(other.offset_, 0)),
        size_(std::exchange(other.size_, 0)) {}
  Slice& operator=(Slice other) noexcept {
    std::swap(block_, other.block_);
    std::swap(offset_, other.offset_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~Slice() {
    if (block_ && --block_->refs == 0) return_block(block_);
  }

  // Null for a slice without a block.
  const char* data() const& { return block_ ? block_->data() + offset_ : nullptr; }
  std::size_t size() const { return size_; }
  bool is_empty() const { return size_ == 0; }
  std::string_view view() const& { return {data(), size_}; }
  std::string_view view() const&& = delete;
  // The part [from, from + size) of this slice, sharing the block.
  Slice sub(std::size_t from, std::size_t size) const;
  void drop_front(std::size_t size) {
    offset_ += static_cast<std::uint32_t>(size), size_ -= static_cast<std::uint32_t>(size);
  }
  Block* block() const { return block_; }

 private:
  friend class Chain;  // lengthens the tail slice in append_copy()
  static void return_block(Block* block);
  Block* block_ = nullptr;
  std::uint32_t offset_ = 0;
  std::uint32_t size_ = 0;
};

// A queue of slices. Steady state allocates nothing (its array keeps its capacity).
class Chain {
 public:
  void append(Slice slice) {  // empty slices are dropped
    if (slice.is_empty()) return;
    size_ += slice.size();
    if (slices_.size() == slices_.capacity()) make_room();
    slices_.push_back(std::move(slice));
  }
  void append(Chain&& other) {
    if (!other.is_empty()) append_slices(other);
  }
  // Appends what `other` holds, which keeps it. Slices are shared, but those that compact() would copy are
  // copied, so that what is kept does not hold large blocks. Linear in slices.
  void append_kept(const Chain& other, BufferPool& pool);
  // Copies `bytes` behind the tail slice while its block has room there and nobody else refers to it,
  // the rest into new blocks of `pool`, of 4 KB unless more is left. `bytes` may lie in the chain.
  void append_copy(std::string_view bytes, BufferPool& pool);
  bool is_empty() const { return size_ == 0; }
  std::size_t size_bytes() const { return size_; }
  std::size_t num_slices() const { return slices_.size() - head_; }
  // Fills up to `max` iovecs from the front; returns how many.
  std::size_t to_iovecs(iovec* out, std::size_t max) const;
  void drop_front(std::size_t bytes) {  // at most size_bytes()
    if (bytes == size_) return clear();
    drop_slices(bytes);
  }
  Slice take_front();  // the first slice; chain must not be empty
  // Moves the first `bytes` behind `out`; at most size_bytes().
  void move_front(std::size_t bytes, Chain& out);
  void clear() {
    if (!slices_.empty()) slices_.clear();
    head_ = size_ = 0;
  }
  // Copies slices that fill a quarter of their block or less, when it is larger than 4 KB, and those of a
  // block to read into that a smaller class has room for, into right-sized blocks: a few unsent bytes must
  // not hold much more than themselves. Linear in slices; allocates nothing when there is nothing to copy.
  void compact(BufferPool& pool);
  std::string to_string() const;  // for tests and error texts

 private:
  void make_room();
  void append_slices(Chain& other);
  void drop_slices(std::size_t bytes);

  std::vector<Slice> slices_;
  std::size_t head_ = 0;  // index of the first live slice
  std::size_t size_ = 0;
};

// Free lists of blocks in four classes of size.
class BufferPool {
 public:
  static constexpr std::uint32_t kSmallBytes = 4 * 1024;
  static constexpr std::uint32_t kMediumBytes = 16 * 1024;
  static constexpr std::uint32_t kLargeBytes = 64 * 1024;
  // What an event loop reads into at once: twice the largest piece that is kept, and the head before it.
  static constexpr std::uint32_t kReadBytes = 132 * 1024;

  // Keeps at most `max_free_bytes` in its lists; the rest goes back to malloc.
  explicit BufferPool(std::size_t max_free_bytes = 8 * 1024 * 1024);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;
  ~BufferPool();

  // A block of at least `bytes` with one reference. More than kReadBytes is allocated to measure and
  // never kept; below 4 GB, which is the caller's to see to.
  Block* take_block(std::size_t bytes);
  Slice copy(std::string_view bytes);
  void put_back(Block* block);                            // called by the last slice
  std::size_t live_bytes() const { return live_bytes_; }  // in blocks that somebody holds
  std::size_t free_bytes() const { return free_bytes_; }

 private:
  Block* free_[4] = {};
  std::size_t free_bytes_ = 0;
  std::size_t live_bytes_ = 0;
  std::size_t max_free_bytes_;
};

}  // namespace ingress::base
