#include "http/plain_head.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "http/chars.h"
#include "http/header_names.h"
#include "http/plain_head_avx2.h"

namespace ingress::http {
namespace {

#if !defined(__SSE2__) && !defined(INGRESS_NO_SIMD)
#define INGRESS_NO_SIMD
#endif

#if !defined(INGRESS_NO_SIMD)

struct Simd {
  static constexpr std::size_t kBytes = 16;
  using Vector = __m128i;
  static Vector load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  // In a register from here on: it would be made anew wherever it is used.
  static Vector all(int number) {
    Vector v = _mm_set1_epi8(static_cast<char>(number));
    asm("" : "+x"(v));
    return v;
  }
  static Vector add(Vector a, Vector b) { return _mm_add_epi8(a, b); }
  static Vector is_above(Vector a, Vector b) { return _mm_cmpgt_epi8(a, b); }  // signed
  static Vector is(Vector a, Vector b) { return _mm_cmpeq_epi8(a, b); }
  static Vector either(Vector a, Vector b) { return _mm_or_si128(a, b); }
  static std::uint32_t ones(Vector v) { return static_cast<std::uint32_t>(_mm_movemask_epi8(v)); }
  static std::uint32_t zeros(Vector v) { return ones(v) ^ 0xffffu; }
};

#endif

#include "http/plain_head_reader.inc"

PlainHeadReaders choose_readers() {
#if defined(INGRESS_HAS_AVX2_READER) && !defined(INGRESS_NO_SIMD) && !defined(INGRESS_NO_AVX2)
  if (const auto readers = find_avx2_readers()) return *readers;
#endif
  return kReaders;
}

// Chosen before main().
const PlainHeadReaders readers = choose_readers();

}  // namespace

PlainHead read_plain_request(std::string_view bytes, const ScanLimits& limits, const char* kept,
                             Headers& fields) {
  return readers.request(bytes, limits, kept, fields);
}

PlainHead read_plain_response(std::string_view bytes, const ScanLimits& limits, const char* kept,
                              Headers& fields) {
  return readers.response(bytes, limits, kept, fields);
}

}  // namespace ingress::http
