// How much odd behaviour is taken before it is too much: a bucket that leaks.
//
// Owner: a connection. Thread: its worker's.
#pragma once

#include <algorithm>
#include <chrono>

namespace ingress::http {

class LeakyBudget {
 public:
  constexpr LeakyBudget(double capacity, double per_second)
      : capacity_(capacity), per_second_(per_second), left_(capacity) {}

  // False when it is spent. `now` does not go back.
  bool spend(std::chrono::milliseconds now) {
    if (last_.count() != 0)
      left_ = std::min(capacity_, left_ + std::chrono::duration<double>(now - last_).count() * per_second_);
    last_ = now;
    left_ -= 1;
    return left_ >= 0;
  }

 private:
  double capacity_, per_second_, left_;
  std::chrono::milliseconds last_{0};
};

}  // namespace ingress::http
