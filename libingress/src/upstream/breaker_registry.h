// The circuit breakers of a process by cluster name: where workers that serve a cluster find the same one.
//
// Owner: Server, shared with its workers. Thread: any, one mutex; never on the request path.
// Always true: one breaker per name while anybody holds it, whatever the configuration does meanwhile.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "upstream/circuit_breaker.h"

namespace ingress::upstream {

class BreakerRegistry {
 public:
  std::shared_ptr<BreakerGate> join(const std::string& cluster, BreakerGate::Post post);
  // Null when no worker has one.
  std::shared_ptr<CircuitBreaker> find(const std::string& cluster) const;
  // All that are alive, by name.
  std::vector<std::pair<std::string, std::shared_ptr<CircuitBreaker>>> list() const;

 private:
  void forget_expired();

  mutable std::mutex lock_;
  std::unordered_map<std::string, std::weak_ptr<CircuitBreaker>> breakers_;
  std::size_t size_to_sweep_ = 64;  // doubles with what lives: sweeping costs a constant per entry
};

}  // namespace ingress::upstream
