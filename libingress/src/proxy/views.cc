#include "proxy/views.h"

#include <algorithm>

namespace ingress::proxy {

Views::~Views() {
  for (std::unique_ptr<WorkerView>& view : views_) retire_(std::move(view->snapshot_));
}

void Views::adopt(std::unique_ptr<SnapshotPtr> snapshot) {
  WorkerView* before = newest();
  const Generation generation = (*snapshot)->generation;
  views_.push_back(std::make_unique<WorkerView>(std::move(snapshot)));
  if (before != nullptr) drop_if_unused(before);
  num_alive_.store(static_cast<std::uint32_t>(views_.size()), std::memory_order_relaxed);
  adopted_.store(generation, std::memory_order_release);
}

WorkerView* Views::pin_newest() {
  WorkerView* view = newest();
  if (view != nullptr) ++view->pins_;
  return view;
}

void Views::unpin(WorkerView* view) {
  --view->pins_;
  drop_if_unused(view);
}

void Views::drop_if_unused(WorkerView* view) {
  if (view->pins_ != 0 || view == newest()) return;
  const auto found = std::ranges::find(views_, view, &std::unique_ptr<WorkerView>::get);
  std::unique_ptr<WorkerView> gone = std::move(*found);
  views_.erase(found);
  num_alive_.store(static_cast<std::uint32_t>(views_.size()), std::memory_order_relaxed);
  retire_(std::move(gone->snapshot_));
}

}  // namespace ingress::proxy
