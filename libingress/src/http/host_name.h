// The name or IPv4 address at the front of an authority, found 16 bytes at a time where SSE2 is there.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

#include "http/chars.h"

namespace ingress::http {

struct HostName {
  std::size_t size = 0;
  bool has_upper_case = false;
  bool has_empty_label = false;  // at the front, or between two dots; a dot at the end is none
};

namespace detail {

#if defined(__SSE2__) && !defined(INGRESS_NO_SIMD)

// Bytes from `first` on, `count` of them: moved to the lowest signed values, one comparison finds both ends.
inline __m128i is_between(__m128i v, char first, int count) {
  const __m128i moved = _mm_add_epi8(v, _mm_set1_epi8(static_cast<char>(-128 - first)));
  return _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(-128 + count)), moved);
}

#endif

}  // namespace detail

inline HostName scan_host_name(std::string_view text) {
  HostName name;
#if defined(__SSE2__) && !defined(INGRESS_NO_SIMD)
  unsigned dot_before = 1;
  while (name.size < text.size()) {
    const std::size_t rest = text.size() - name.size;
    const __m128i v = load_some(text.data() + name.size, rest);
    const __m128i dot = _mm_cmpeq_epi8(v, _mm_set1_epi8('.'));
    const __m128i upper = detail::is_between(v, 'A', 26);
    const __m128i letter = _mm_or_si128(upper, detail::is_between(v, 'a', 26));
    const __m128i mark =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('-')), _mm_cmpeq_epi8(v, _mm_set1_epi8('_')));
    const __m128i good =
        _mm_or_si128(_mm_or_si128(letter, detail::is_between(v, '0', 10)), _mm_or_si128(mark, dot));
    const auto num_good = static_cast<unsigned>(std::countr_one(bits(good)));
    const unsigned taken = (1u << num_good) - 1;
    const unsigned dots = bits(dot) & taken;
    if ((dots & (dots << 1 | dot_before)) != 0) name.has_empty_label = true;
    if ((bits(upper) & taken) != 0) name.has_upper_case = true;
    name.size += num_good;
    if (num_good < 16) break;
    dot_before = dots >> 15;
  }
#else
  for (char before = '.'; name.size < text.size() && is_in(text[name.size], kHostChar);
       before = text[name.size++]) {
    const char c = text[name.size];
    if (before == '.' && c == '.') name.has_empty_label = true;
    if (c >= 'A' && c <= 'Z') name.has_upper_case = true;
  }
#endif
  return name;
}

}  // namespace ingress::http
