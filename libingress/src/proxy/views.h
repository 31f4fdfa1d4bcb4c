// The snapshots that one worker uses: the newest, and older ones that an exchange still has pinned.
//
// Owner: a worker. Thread: its; num_alive() and adopted() from any.
// Always true: a view without pins that is not the newest has been handed to the retire stack.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "proxy/snapshot.h"

namespace ingress::proxy {

class WorkerView {
 public:
  explicit WorkerView(std::unique_ptr<SnapshotPtr> snapshot) : snapshot_(std::move(snapshot)) {}
  const Snapshot& snapshot() const { return **snapshot_; }

 private:
  friend class Views;
  std::unique_ptr<SnapshotPtr> snapshot_;
  std::uint32_t pins_ = 0;
};

class Views {
 public:
  using Retire = std::function<void(std::unique_ptr<SnapshotPtr>)>;
  // `retire` takes what is no longer used; called on the worker's thread, may not block.
  explicit Views(Retire retire) : retire_(std::move(retire)) {}
  ~Views();

  // Makes `snapshot` the newest.
  void adopt(std::unique_ptr<SnapshotPtr> snapshot);
  // Null before the first adopt().
  WorkerView* newest() { return views_.empty() ? nullptr : views_.back().get(); }
  // The newest view, kept alive until unpin().
  WorkerView* pin_newest();
  void unpin(WorkerView* view);

  std::uint32_t num_alive() const { return num_alive_.load(std::memory_order_relaxed); }
  // Acquire pairs with the release in adopt(): who sees the generation sees what it brought.
  Generation adopted() const { return adopted_.load(std::memory_order_acquire); }

 private:
  void drop_if_unused(WorkerView* view);

  Retire retire_;
  std::vector<std::unique_ptr<WorkerView>> views_;  // oldest first
  std::atomic<std::uint32_t> num_alive_{0};
  std::atomic<Generation> adopted_{0};
};

}  // namespace ingress::proxy
