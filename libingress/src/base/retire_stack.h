// What workers are done with, on its way to the thread that frees it.
//
// Owner: the control side, shared with the workers. Thread: push() from any, free_all() from one at a time.
// Always true: a pushed object is freed exactly once, by free_all() or the destructor, never by push().
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace ingress::base {

template <typename T>
class RetireStack {
 public:
  RetireStack() = default;
  RetireStack(const RetireStack&) = delete;
  RetireStack& operator=(const RetireStack&) = delete;
  ~RetireStack() { free_all(); }

  // Never waits. True when the stack was empty: then somebody has to be asked to call free_all().
  bool push(std::unique_ptr<T> object) {
    Node* const node = new Node{std::move(object), nullptr};
    Node* below = top_.load(std::memory_order_relaxed);
    // Release: the thread that takes the stack sees the object as the pushing thread left it. Failing loads
    // need no order, since only the address of the top is used. No ABA: nodes leave all at once.
    do {
      node->next = below;
    } while (!top_.compare_exchange_weak(below, node, std::memory_order_release, std::memory_order_relaxed));
    return below == nullptr;  // `node` itself may be gone by now
  }

  // Frees what is there; returns how many objects.
  std::size_t free_all() {
    // Acquire pairs with the release of every push that is taken here: the exchanges on `top_` form one
    // release sequence.
    Node* node = top_.exchange(nullptr, std::memory_order_acquire);
    std::size_t count = 0;
    while (node != nullptr) {
      const std::unique_ptr<Node> gone(node);
      node = gone->next;
      ++count;
    }
    return count;
  }

 private:
  struct Node {
    std::unique_ptr<T> object;
    Node* next;
  };
  std::atomic<Node*> top_{nullptr};
};

}  // namespace ingress::base
