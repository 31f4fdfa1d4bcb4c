#include "base/reclaimer.h"

#include <utility>

namespace ingress::base {

Reclaimer::~Reclaimer() {
  while (free_some(1'000)) {
  }
}

void Reclaimer::keep(Nodes&& nodes) {
  const std::lock_guard lock(mutex_);
  if (nodes_.empty()) {
    nodes_ = std::move(nodes);
  } else {
    nodes_.insert(nodes_.end(), nodes.begin(), nodes.end());
  }
}

bool Reclaimer::free_some(std::size_t max_nodes) {
  Nodes nodes;
  {
    const std::lock_guard lock(mutex_);
    nodes.swap(nodes_);
  }
  {
    const Scope scope(nodes);
    for (; max_nodes > 0 && !nodes.empty(); --max_nodes) {
      const Dead dead = nodes.back();
      nodes.pop_back();
      dead.destroy(dead.node);  // what hung on it alone is behind the others now
    }
  }
  const bool is_done = nodes.empty();
  if (!is_done) keep(std::move(nodes));
  return !is_done || !is_empty();
}

bool Reclaimer::is_empty() const {
  const std::lock_guard lock(mutex_);
  return nodes_.empty();
}

}  // namespace ingress::base
