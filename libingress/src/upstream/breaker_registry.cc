#include "upstream/breaker_registry.h"

#include <algorithm>

namespace ingress::upstream {

std::shared_ptr<BreakerGate> BreakerRegistry::join(const std::string& cluster, BreakerGate::Post post) {
  const std::lock_guard guard(lock_);
  forget_expired();
  std::weak_ptr<CircuitBreaker>& held = breakers_[cluster];
  std::shared_ptr<CircuitBreaker> breaker = held.lock();
  if (!breaker) held = breaker = std::make_shared<CircuitBreaker>();
  return BreakerGate::open(std::move(breaker), std::move(post));
}

std::shared_ptr<CircuitBreaker> BreakerRegistry::find(const std::string& cluster) const {
  const std::lock_guard guard(lock_);
  const auto found = breakers_.find(cluster);
  return found == breakers_.end() ? nullptr : found->second.lock();
}

std::vector<std::pair<std::string, std::shared_ptr<CircuitBreaker>>> BreakerRegistry::list() const {
  std::vector<std::pair<std::string, std::shared_ptr<CircuitBreaker>>> alive;
  {
    const std::lock_guard guard(lock_);
    for (const auto& [name, held] : breakers_) {
      if (auto breaker = held.lock()) alive.emplace_back(name, std::move(breaker));
    }
  }
  std::ranges::sort(alive, {}, [](const auto& entry) -> const std::string& { return entry.first; });
  return alive;
}

void BreakerRegistry::forget_expired() {
  if (breakers_.size() < size_to_sweep_) return;
  std::erase_if(breakers_, [](const auto& entry) { return entry.second.expired(); });
  size_to_sweep_ = std::max<std::size_t>(64, 2 * breakers_.size());
}

}  // namespace ingress::upstream
