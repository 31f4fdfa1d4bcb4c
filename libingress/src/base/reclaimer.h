// Frees large structures a little at a time: dropping a table of a hundred thousand entries takes as long as
// freeing its root.
//
// For: whoever drops the last reference to persistent tables on a thread that has other things to do.
// Owner: the control side. Thread: any.
// Always true: a node that was kept is freed once, by free_some() or the destructor; it refers to nothing
// that was freed before it.
#pragma once

#include <cstddef>
#include <mutex>
#include <vector>

namespace ingress::base {

class Reclaimer {
 public:
  Reclaimer() = default;
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;
  // Frees what is left.
  ~Reclaimer();

  // Calls `drop`. Counted nodes (CountedPtr) whose last reference goes meanwhile, on this thread, are kept
  // for free_some().
  template <class Drop>
  void collect(Drop&& drop) {
    Nodes nodes;
    {
      const Scope scope(nodes);
      drop();
    }
    keep(std::move(nodes));
  }
  // Frees `max_nodes` at most, without what hangs on each. Whether any are left.
  bool free_some(std::size_t max_nodes);
  bool is_empty() const;

  // For CountedPtr: whether the calling thread is inside of collect() or free_some(), and so keeps `node`.
  static bool keeps(void* node, void (*destroy)(void* node)) {
    if (current_ == nullptr) return false;
    current_->push_back({node, destroy});
    return true;
  }

 private:
  struct Dead {
    void* node;
    void (*destroy)(void* node);
  };
  using Nodes = std::vector<Dead>;
  struct Scope {
    explicit Scope(Nodes& nodes) : before(current_) { current_ = &nodes; }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { current_ = before; }
    Nodes* before;
  };
  void keep(Nodes&& nodes);

  static inline thread_local Nodes* current_ = nullptr;
  mutable std::mutex mutex_;
  Nodes nodes_;  // the last goes first, so that there are never many: a branch is freed before its neighbours
};

}  // namespace ingress::base
