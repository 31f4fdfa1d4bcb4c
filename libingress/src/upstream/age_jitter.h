// Spreads the ends of connections that were opened together.
#pragma once

#include <cstdint>

#include "net/loop.h"
#include "upstream/random.h"

namespace ingress::upstream {

// How much earlier `conn` ends than it might, in 2560ths of its longest life.
inline std::uint8_t age_jitter_of(const void* conn) {
  Random random(reinterpret_cast<std::uintptr_t>(conn) ^
                static_cast<std::uint64_t>(net::EventLoop::clock_us()));
  return static_cast<std::uint8_t>(random.below(256));
}

}  // namespace ingress::upstream
