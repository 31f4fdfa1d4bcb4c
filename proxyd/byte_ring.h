// A bounded queue of bytes between one producing thread and one consuming thread.
//
// Owner: AccessLog, one per worker. Threads: push() on the worker's, peek() and consume() on the writer's.
// Always true: what is pushed is taken whole or not at all; a full ring refuses and never waits.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

namespace proxyd {

class ByteRing {
 public:
  // `capacity_bytes` must be a power of two.
  explicit ByteRing(std::size_t capacity_bytes)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity_bytes)), capacity_(capacity_bytes) {}

  enum class Pushed : unsigned char { kYes, kHalfFull, kNo };  // kHalfFull: pushed, and now past the half

  Pushed push(std::string_view text) {
    // Only this thread writes head_. The acquire pairs with the release in consume(): the consumer has
    // finished reading the room that is overwritten here.
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head - known_tail_ + text.size() > capacity_ / 2) known_tail_ = tail_.load(std::memory_order_acquire);
    const std::size_t used = head - known_tail_;
    if (text.size() > capacity_ - used) return Pushed::kNo;
    const std::size_t start = head & (capacity_ - 1);
    const std::size_t until_end = std::min(text.size(), capacity_ - start);
    std::memcpy(bytes_.get() + start, text.data(), until_end);
    std::memcpy(bytes_.get(), text.data() + until_end, text.size() - until_end);
    // Pairs with the acquire in peek(): the bytes above are visible with the new head.
    head_.store(head + text.size(), std::memory_order_release);
    const bool crosses = used <= capacity_ / 2 && used + text.size() > capacity_ / 2;
    return crosses ? Pushed::kHalfFull : Pushed::kYes;
  }

  // What waits, in two pieces as it may wrap around; both stay until consume().
  std::pair<std::string_view, std::string_view> peek() const {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    const std::size_t size = head_.load(std::memory_order_acquire) - tail;
    const std::size_t start = tail & (capacity_ - 1);
    const std::size_t until_end = std::min(size, capacity_ - start);
    return {{bytes_.get() + start, until_end}, {bytes_.get(), size - until_end}};
  }
  void consume(std::size_t num_bytes) {
    tail_.store(tail_.load(std::memory_order_relaxed) + num_bytes, std::memory_order_release);
  }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  // Counts of bytes since the start, which wrap only with size_t. Each side's in its own cache line.
  alignas(64) std::atomic<std::size_t> head_{0};
  std::size_t known_tail_ = 0;  // the producer's last reading of tail_
  alignas(64) std::atomic<std::size_t> tail_{0};
};

}  // namespace proxyd
