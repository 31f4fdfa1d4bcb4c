// Snapshots that no worker uses any more, on their way to be freed on the loop: what they hold of sockets at
// once, their tables in slices, so that nothing else there (files, timers, the application) waits for a
// hundred thousand routes.
//
// Owner: the Server and its workers, shared. Thread: see each function.
// Caller: `loop` outlives the workers; what is left when it ends is freed with the last owner.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "base/reclaimer.h"
#include "base/retire_stack.h"
#include "ingress/loop.h"
#include "proxy/snapshot.h"

namespace ingress::proxy {

class RetiredSnapshots : public std::enable_shared_from_this<RetiredSnapshots> {
 public:
  // Some 0.1 ms with mimalloc, and 3 ms at worst (bench/router/change_bench.cc, free_replaced).
  static constexpr std::size_t kNodesPerSlice = 256;

  explicit RetiredSnapshots(Loop* loop) : loop_(loop) {}
  // From any thread. Only the first of several in a row asks to be emptied, so a change of configuration
  // takes the loop's lock once per worker and requests never.
  void push(std::unique_ptr<SnapshotPtr> gone) {
    if (snapshots_.push(std::move(gone))) loop_->post([self = shared_from_this()] { self->free_all(); });
  }
  // Of the control side, on any thread: frees the snapshots; their tables go on the loop.
  void free_all() {
    nodes_.collect([this] { snapshots_.free_all(); });
    if (!nodes_.is_empty() && !is_slicing_.exchange(true)) free_later();
  }

 private:
  void free_later() {
    loop_->post([self = shared_from_this()] {
      if (self->nodes_.free_some(kNodesPerSlice)) return self->free_later();
      self->is_slicing_ = false;
      // What came between the two lines above was left to us.
      if (!self->nodes_.is_empty() && !self->is_slicing_.exchange(true)) self->free_later();
    });
  }

  Loop* loop_;
  base::RetireStack<SnapshotPtr> snapshots_;
  base::Reclaimer nodes_;
  std::atomic<bool> is_slicing_{false};
};

}  // namespace ingress::proxy
