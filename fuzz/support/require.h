// What a fuzz target asserts; how it cuts its input into reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace ingress::fuzzing {

// Ends the run: libFuzzer keeps the input.
inline void require(bool holds, const char* claim = "") {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", claim);
  std::abort();
}

// As above, with the two things that should agree.
inline void require_equal(const std::string& got, const std::string& wanted, const char* claim) {
  if (got == wanted) return;
  std::fprintf(stderr, "does not hold: %s\n--- got\n%s\n--- wanted\n%s\n", claim, got.c_str(),
               wanted.c_str());
  std::abort();
}

// Sizes of reads, decided by the input: for every other seed only a few bytes each.
class Cuts {
 public:
  explicit Cuts(std::uint32_t seed) : state_(seed), shift_(seed % 2 == 0 ? 30 : 26) {}
  std::size_t next() {
    state_ = state_ * 1664525u + 1013904223u;
    return 1 + (state_ >> shift_);
  }

 private:
  std::uint32_t state_;
  unsigned shift_;
};

}  // namespace ingress::fuzzing
