// Running the public loop from a test until something is the case.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <functional>

#include "ingress/loop.h"

namespace ingress::test {

// Fails the test after 30 s.
inline void run_until(Loop& loop, const std::function<bool()>& done) {
  bool is_late = false;
  const auto late = loop.after(std::chrono::seconds(30), [&] { is_late = true; });
  const auto pulse = loop.every(std::chrono::milliseconds(10), [&] {
    if (is_late || done()) loop.stop();
  });
  while (!done()) {
    REQUIRE_FALSE(is_late);
    loop.run();
  }
}

}  // namespace ingress::test
