#include "proxy/resumer.h"

#include "proxy/exchange.h"

namespace ingress {

void Resumer::resume(Verdict verdict) const {
  if (target_ && target_->exchange != nullptr && !target_->early)
    target_->exchange->resume(std::move(verdict));
}

bool Resumer::is_alive() const {
  return target_ && target_->exchange != nullptr;
}

}  // namespace ingress
