#include "base/buffer.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

namespace ingress::base {
namespace {

constexpr std::uint32_t kClassBytes[] = {BufferPool::kSmallBytes, BufferPool::kMediumBytes,
                                         BufferPool::kLargeBytes, BufferPool::kReadBytes};
constexpr std::uint8_t kOversize = std::size(kClassBytes);  // the class that is never kept

void free_block(Block* block) {
  ::operator delete(block, sizeof(Block) + block->capacity);
}

// Whether a slice holds a block much larger than itself.
bool is_wasteful(const Slice& slice) {
  const std::size_t capacity = slice.block()->capacity;
  if (capacity > BufferPool::kLargeBytes) return slice.size() <= BufferPool::kLargeBytes;
  return capacity > BufferPool::kSmallBytes && slice.size() * 4 <= capacity;
}

}  // namespace

void Slice::return_block(Block* block) {
  block->pool->put_back(block);
}

Slice Slice::sub(std::size_t from, std::size_t size) const {
  assert(from <= size_ && size <= size_ - from);
  Slice part(*this);
  part.offset_ += static_cast<std::uint32_t>(from);
  part.size_ = static_cast<std::uint32_t>(size);
  return part;
}

// A chain that never runs empty would grow its array for ever: the dead front is reused instead.
void Chain::make_room() {
  if (head_ == 0) return;
  slices_.erase(slices_.begin(), slices_.begin() + static_cast<std::ptrdiff_t>(head_));
  head_ = 0;
}

void Chain::append_slices(Chain& other) {
  if (&other == this) return;
  if (is_empty()) {
    clear();
    std::swap(slices_, other.slices_);
    std::swap(head_, other.head_);
    std::swap(size_, other.size_);
    return;
  }
  for (std::size_t i = other.head_; i < other.slices_.size(); ++i) append(std::move(other.slices_[i]));
  other.clear();
}

void Chain::append_kept(const Chain& other, BufferPool& pool) {
  for (std::size_t i = other.head_; i < other.slices_.size(); ++i) {
    const Slice& slice = other.slices_[i];
    if (is_wasteful(slice)) {
      append_copy(slice.view(), pool);
    } else {
      append(slice);
    }
  }
}

void Chain::append_copy(std::string_view bytes, BufferPool& pool) {
  if (bytes.empty()) return;
  if (num_slices() > 0) {
    Slice& tail = slices_.back();
    Block* block = tail.block_;
    if (block->refs == 1 && tail.offset_ + tail.size_ == block->used) {
      const std::size_t taken = std::min<std::size_t>(bytes.size(), block->capacity - block->used);
      std::memcpy(block->data() + block->used, bytes.data(), taken);
      block->used += static_cast<std::uint32_t>(taken);
      tail.size_ += static_cast<std::uint32_t>(taken);
      size_ += taken;
      bytes.remove_prefix(taken);
    }
  }
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, BufferPool::kLargeBytes);
    append(pool.copy(piece));
    bytes.remove_prefix(piece.size());
  }
}

std::size_t Chain::to_iovecs(iovec* out, std::size_t max) const {
  const std::size_t count = std::min(max, num_slices());
  for (std::size_t i = 0; i < count; ++i) {
    const Slice& slice = slices_[head_ + i];
    out[i] = {const_cast<char*>(slice.data()), slice.size()};  // writev() takes no const
  }
  return count;
}

void Chain::drop_slices(std::size_t bytes) {
  assert(bytes <= size_);
  while (bytes > 0 && num_slices() > 0) {
    Slice& front = slices_[head_];
    if (bytes < front.size()) {
      front.drop_front(bytes);
      size_ -= bytes;
      return;
    }
    bytes -= front.size();
    take_front();
  }
}

void Chain::move_front(std::size_t bytes, Chain& out) {
  assert(bytes <= size_);
  if (bytes == size_) return out.append(std::move(*this));
  while (bytes > 0) {
    const std::size_t front = slices_[head_].size();
    if (front > bytes) {
      out.append(slices_[head_].sub(0, bytes));
      return drop_slices(bytes);
    }
    out.append(take_front());
    bytes -= front;
  }
}

Slice Chain::take_front() {
  assert(!is_empty());
  Slice front = std::move(slices_[head_++]);
  size_ -= front.size();
  if (head_ == slices_.size()) clear();
  return front;
}

void Chain::compact(BufferPool& pool) {
  const auto live = slices_.begin() + static_cast<std::ptrdiff_t>(head_);
  if (std::none_of(live, slices_.end(), is_wasteful)) return;
  Chain packed;
  for (auto slice = live; slice != slices_.end(); ++slice) {
    if (is_wasteful(*slice)) {
      packed.append_copy(slice->view(), pool);
      *slice = Slice();  // so that its block may serve the next copy
    } else {
      packed.append(std::move(*slice));
    }
  }
  *this = std::move(packed);
}

std::string Chain::to_string() const {
  std::string out;
  out.reserve(size_);
  for (std::size_t i = head_; i < slices_.size(); ++i) out += slices_[i].view();
  return out;
}

BufferPool::BufferPool(std::size_t max_free_bytes) : max_free_bytes_(max_free_bytes) {}

BufferPool::~BufferPool() {
  assert(live_bytes_ == 0);
  for (Block* block : free_) {
    while (block) free_block(std::exchange(block, block->next_free));
  }
}

Block* BufferPool::take_block(std::size_t bytes) {
  std::uint8_t size_class = 0;
  while (size_class < kOversize && kClassBytes[size_class] < bytes) ++size_class;
  Block* block = nullptr;
  if (size_class < kOversize && free_[size_class]) {
    block = std::exchange(free_[size_class], free_[size_class]->next_free);
    free_bytes_ -= block->capacity;
  } else {
    const std::size_t capacity = size_class < kOversize ? kClassBytes[size_class] : bytes;
    block = new (::operator new(sizeof(Block) + capacity)) Block{};
    block->pool = this;
    block->capacity = static_cast<std::uint32_t>(capacity);
    block->size_class = size_class;
  }
  block->refs = 1;
  block->used = 0;
  block->next_free = nullptr;
  live_bytes_ += block->capacity;
  return block;
}

Slice BufferPool::copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  Block* block = take_block(bytes.size());
  std::memcpy(block->data(), bytes.data(), bytes.size());
  return {block, 0, static_cast<std::uint32_t>(bytes.size())};
}

void BufferPool::put_back(Block* block) {
  live_bytes_ -= block->capacity;
  if (block->size_class == kOversize || free_bytes_ + block->capacity > max_free_bytes_) {
    free_block(block);
    return;
  }
  block->next_free = std::exchange(free_[block->size_class], block);
  free_bytes_ += block->capacity;
}

}  // namespace ingress::base
