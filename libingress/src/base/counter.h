// A number that one thread counts and any thread reads.
//
// An increment is a relaxed load and a relaxed store, plain instructions on the request path: there is one
// writer, and readers only need some recent value of each counter by itself.
#pragma once

#include <atomic>
#include <cstdint>

namespace ingress::base {

class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

}  // namespace ingress::base
