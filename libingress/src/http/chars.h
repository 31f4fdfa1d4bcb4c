// Which bytes may stand where in HTTP/1.1 text, and how to find the first that may not.
//
// Heads are almost wholly made of allowed bytes, so the finders skip 16 at a time where SSE2 is there.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace ingress::http {

enum CharClass : std::uint8_t {
  kTchar = 1,        // field names and methods (RFC 9110 5.6.2)
  kVchar = 2,        // 0x21 to 0x7e: request targets
  kFieldText = 4,    // HTAB, SP, VCHAR, obs-text: field values and reason phrases (RFC 9110 5.5)
  kUnreserved = 8,   // RFC 3986 2.3
  kHostChar = 16,    // what we take of a reg-name; sub-delims and percent-encodings name no host
  kMethodChar = 32,  // tchar without lower case
};

namespace detail {
constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool is_lower = c >= 'a' && c <= 'z';
    const bool is_alnum = is_lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    std::uint8_t bits = 0;
    if (is_alnum ||
        std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos) {
      bits |= kTchar;
      if (!is_lower) bits |= kMethodChar;
    }
    if (c > 0x20 && c < 0x7f) bits |= kVchar;
    if (c == '\t' || (c >= 0x20 && c != 0x7f)) bits |= kFieldText;
    if (is_alnum || c == '-' || c == '.' || c == '_' || c == '~') bits |= kUnreserved;
    if (is_alnum || c == '-' || c == '.' || c == '_') bits |= kHostChar;
    classes[c] = bits;
  }
  return classes;
}
}  // namespace detail

inline constexpr std::array<std::uint8_t, 256> kCharClasses = detail::make_char_classes();

constexpr bool is_in(char c, CharClass wanted) {
  return (kCharClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

// The first byte of [p, end) that is not of the class; `end` when all are. For short runs.
constexpr const char* skip_class(const char* p, const char* end, CharClass wanted) {
  while (p != end && is_in(*p, wanted)) ++p;
  return p;
}

#if defined(__SSE2__)

// The `size` bytes at `p`, at most 16, with zeros behind.
inline __m128i load_some(const char* p, std::size_t size) {
  if (size >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  // From both ends, so that no byte is read alone; what both ends have is the same.
  std::uint64_t low = 0, high = 0;
  if (size >= 8) {
    std::memcpy(&low, p, 8);
    // The last eight bytes, of which those that `low` has are pushed out: in two steps, as all may be.
    std::memcpy(&high, p + size - 8, 8);
    high = high >> 1 >> (8 * (16 - size) - 1);
  } else if (size >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + size - 4, 4);
    low = first | std::uint64_t{last} << (8 * (size - 4));
  } else if (size > 0) {
    const auto byte = [p](std::size_t i) {
      return std::uint64_t{static_cast<unsigned char>(p[i])} << (8 * i);
    };
    low = byte(0) | byte(size / 2) | byte(size - 1);
  }
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}

// The first byte of [p, end) with its bit in `stops(bytes)`; `end` when there is none. `stops` has a bit for
// each zero, as those behind `end` are.
template <typename Stops>
inline const char* skip_to(const char* p, const char* end, Stops stops) {
  for (; end - p >= 16; p += 16) {
    const unsigned mask = stops(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    if (mask != 0) return p + std::countr_zero(mask);
  }
  if (p == end) return end;
  return p + std::countr_zero(stops(load_some(p, static_cast<std::size_t>(end - p))));
}

inline unsigned bits(__m128i v) {
  return static_cast<unsigned>(_mm_movemask_epi8(v));
}
// Printable ASCII without the space. Signed comparison: bytes from 0x80 on are negative, so not above it.
inline __m128i is_vchar(__m128i v) {
  return _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(0x20)), _mm_cmplt_epi8(v, _mm_set1_epi8(0x7f)));
}

#endif

inline const char* skip_field_text(const char* p, const char* end) {
#if defined(__SSE2__)
  return skip_to(p, end, [](__m128i v) {
    const __m128i is_control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    const __m128i is_tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t'));
    return bits(_mm_or_si128(_mm_andnot_si128(is_tab, is_control), _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f))));
  });
#else
  return skip_class(p, end, kFieldText);
#endif
}

inline const char* skip_vchars(const char* p, const char* end) {
#if defined(__SSE2__)
  return skip_to(p, end, [](__m128i v) { return bits(is_vchar(v)) ^ 0xffffu; });
#else
  return skip_class(p, end, kVchar);
#endif
}

// As skip_vchars(), stopping also at '#' and at `other`.
inline const char* skip_target_chars(const char* p, const char* end, char other) {
#if defined(__SSE2__)
  return skip_to(p, end, [other](__m128i v) {
    const __m128i ends =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('#')), _mm_cmpeq_epi8(v, _mm_set1_epi8(other)));
    return bits(_mm_andnot_si128(ends, is_vchar(v))) ^ 0xffffu;
  });
#else
  while (p != end && is_in(*p, kVchar) && *p != '#' && *p != other) ++p;
  return p;
#endif
}

inline bool is_all(std::string_view text, CharClass wanted) {
  return skip_class(text.data(), text.data() + text.size(), wanted) == text.data() + text.size();
}
inline bool is_field_text(std::string_view text) {
  return skip_field_text(text.data(), text.data() + text.size()) == text.data() + text.size();
}
inline bool is_vchars(std::string_view text) {
  return skip_vchars(text.data(), text.data() + text.size()) == text.data() + text.size();
}

// -1 for what is no hex digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace ingress::http
