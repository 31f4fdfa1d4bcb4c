#include "http/plain_head_avx2.h"

#if defined(INGRESS_HAS_AVX2_READER)

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "http/chars.h"
#include "http/header_names.h"

namespace ingress::http {

// What is defined from here on, and nothing that was included, may use these instructions.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,bmi"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,bmi")
#endif

namespace {

struct Simd {
  static constexpr std::size_t kBytes = 32;
  using Vector = __m256i;
  static Vector load(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  // In a register from here on: it would be made anew wherever it is used.
  static Vector all(int number) {
    Vector v = _mm256_set1_epi8(static_cast<char>(number));
    asm("" : "+x"(v));
    return v;
  }
  static Vector add(Vector a, Vector b) { return _mm256_add_epi8(a, b); }
  static Vector is_above(Vector a, Vector b) { return _mm256_cmpgt_epi8(a, b); }  // signed
  static Vector is(Vector a, Vector b) { return _mm256_cmpeq_epi8(a, b); }
  static Vector either(Vector a, Vector b) { return _mm256_or_si256(a, b); }
  static std::uint32_t ones(Vector v) { return static_cast<std::uint32_t>(_mm256_movemask_epi8(v)); }
  static std::uint32_t zeros(Vector v) { return ~ones(v); }
};

#include "http/plain_head_reader.inc"

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

std::optional<PlainHeadReaders> find_avx2_readers() {
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("bmi") == 0) return std::nullopt;
  return kReaders;
}

}  // namespace ingress::http

#endif
