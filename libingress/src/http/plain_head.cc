#include "http/plain_head.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "http/chars.h"
#include "http/header_names.h"

namespace ingress::http {
namespace {

#if defined(__SSE2__) && !defined(INGRESS_NO_SIMD)

// Each class as the bytes of it that are not: all bits set there. What the additions do to the ranges is to
// move them to the lowest signed values, so that one comparison finds both ends.

inline __m128i add(__m128i v, int number) {
  return _mm_add_epi8(v, _mm_set1_epi8(static_cast<char>(number)));
}
inline __m128i is_below(__m128i v, int number) {
  return _mm_cmpgt_epi8(_mm_set1_epi8(static_cast<char>(number)), v);
}
inline __m128i is(__m128i v, char c) {
  return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

struct NameChars {
  static unsigned others(__m128i v) {
    const __m128i is_letter = is_below(add(_mm_or_si128(v, _mm_set1_epi8(0x20)), -128 - 'a'), -128 + 26);
    const __m128i is_digit = is_below(add(v, -128 - '0'), -128 + 10);
    const __m128i good = _mm_or_si128(_mm_or_si128(is_letter, is_digit), is(v, '-'));
    return static_cast<unsigned>(_mm_movemask_epi8(good)) ^ 0xffffu;
  }
};

struct Printable {
  // Bytes from 0x80 on are negative, and so below the space.
  static __m128i bad(__m128i v) { return _mm_or_si128(is_below(v, 0x20), is(v, 0x7f)); }
  static unsigned others(__m128i v) { return static_cast<unsigned>(_mm_movemask_epi8(bad(v))); }
};

struct TargetChars {
  static unsigned others(__m128i v) {
    const __m128i bad = _mm_or_si128(Printable::bad(v), _mm_or_si128(is(v, ' '), is(v, '#')));
    return static_cast<unsigned>(_mm_movemask_epi8(bad));
  }
};

// Of the last bytes, zeros standing for those behind `end`: they are of no class.
template <typename Class>
[[gnu::noinline]] const char* skip_last(const char* p, const char* end) {
  alignas(16) std::array<char, 16> bytes{};
  std::memcpy(bytes.data(), p, static_cast<std::size_t>(end - p));
  return p + std::countr_zero(Class::others(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes.data()))));
}

// The first byte of [p, end) that is not of the class; `end` when all are. There are 16 bytes before `end`.
template <typename Class>
inline const char* skip(const char* p, const char* end) {
  const char* const last = end - 16;
  for (; p <= last; p += 16) {
    const unsigned others = Class::others(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    if (others != 0) return p + std::countr_zero(others);
  }
  return skip_last<Class>(p, end);
}

#else

struct NameChars {
  static bool has(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  }
};
struct Printable {
  static bool has(char c) { return c >= 0x20 && c <= 0x7e; }
};
struct TargetChars {
  static bool has(char c) { return c >= 0x21 && c <= 0x7e && c != '#'; }
};

template <typename Class>
inline const char* skip(const char* p, const char* end) {
  while (p != end && Class::has(*p)) ++p;
  return p;
}

#endif

constexpr std::size_t kMinBytes = 16;  // of a head; the shortest that is any use has more

constexpr std::string_view kRequestLineEnd = " HTTP/1.1\r\n";
constexpr std::string_view kStatusLineStart = "HTTP/1.1 ";

inline bool starts_with(const char* p, const char* end, std::string_view text) {
  return static_cast<std::size_t>(end - p) >= text.size() && std::memcmp(p, text.data(), text.size()) == 0;
}

// Two or four bytes in the order of memory.
template <typename Word>
inline Word word_at(const char* p) {
  Word word;
  std::memcpy(&word, p, sizeof word);
  return word;
}
template <typename Word>
inline bool has_bytes(const char* p, const char* bytes) {
  return word_at<Word>(p) == word_at<Word>(bytes);
}

// Each returns the byte behind the line, or null when it is not plain.

const char* read_request_line(const char* const begin, const char* end, const ScanLimits& limits,
                              StartLine& line) {
  const char* p = skip_class(begin, end, kMethodChar);
  if (p == begin || end - p < 2 || p[0] != ' ' || p[1] != '/') return nullptr;
  line.method_end = static_cast<std::uint32_t>(p - begin);
  line.target = line.method_end + 1;
  p = skip<TargetChars>(p + 1, end);
  line.target_end = static_cast<std::uint32_t>(p - begin);
  line.version = HttpVersion::kHttp11;
  p += kRequestLineEnd.size();
  if (p > end || std::memcmp(p - kRequestLineEnd.size(), kRequestLineEnd.data(), kRequestLineEnd.size()) != 0)
    return nullptr;
  return static_cast<std::size_t>(p - begin) - 2 <= limits.line_bytes ? p : nullptr;
}

const char* read_status_line(const char* const begin, const char* end, StartLine& line) {
  if (!starts_with(begin, end, kStatusLineStart)) return nullptr;
  const char* p = begin + kStatusLineStart.size();
  if (end - p < 4 || p[3] != ' ') return nullptr;
  const auto digit = [p](int i) { return static_cast<unsigned>(static_cast<unsigned char>(p[i])) - '0'; };
  const unsigned hundreds = digit(0);
  const unsigned tens = digit(1);
  const unsigned ones = digit(2);
  if (hundreds < 1 || hundreds > 5 || tens > 9 || ones > 9) return nullptr;
  line.status = static_cast<std::uint16_t>(hundreds * 100 + tens * 10 + ones);
  line.version = HttpVersion::kHttp11;
  p += 4;
  line.reason = static_cast<std::uint32_t>(p - begin);
  p = skip<Printable>(p, end);
  line.reason_end = static_cast<std::uint32_t>(p - begin);
  return end - p >= 2 && has_bytes<std::uint16_t>(p, "\r\n") ? p + 2 : nullptr;
}

bool is_digits(std::string_view text) {
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
  }
  return true;
}

// The ids of the fields of a head so far.
struct SeenIds {
  Headers::IdSet all = 0;
  Headers::IdSet repeated = 0;
  void add(Headers::IdSet id) {
    repeated |= all & id;
    all |= id;
  }
};

constexpr Headers::IdSet kFramingIds = Headers::bit(HeaderId::kTransferEncoding) |
                                       Headers::bit(HeaderId::kUpgrade) |
                                       Headers::bit(HeaderId::kContentLength);

// Whether a field with one of those ids leaves the framing of the message as clear as it was.
bool is_plain_framing(HeaderId id, std::string_view value, Headers::IdSet before) {
  // More digits than any length has may be too many for one reader only.
  constexpr std::size_t kMaxLengthDigits = 18;
  return id == HeaderId::kContentLength && value.size() <= kMaxLengthDigits && is_digits(value) &&
         (before & Headers::bit(id)) == 0;
}

const char* read_fields(const char* const begin, const char* p, const char* end, std::size_t max_fields,
                        const char* kept, Headers& fields) {
  SeenIds seen;
  for (std::size_t num_left = max_fields; num_left > 0; --num_left) {
    const char* const name = p;
    p = skip<NameChars>(p, end);
    const auto name_bytes = static_cast<std::size_t>(p - name);
    if (name_bytes == 0 || end - p < 4 || !has_bytes<std::uint16_t>(p, ": ")) return nullptr;
    const char* const value = p + 2;
    p = skip<Printable>(value, end);
    // Behind the value its line ends, and another or the head begins to end: four bytes at least.
    if (end - p < 4 || !has_bytes<std::uint16_t>(p, "\r\n")) return nullptr;
    // One byte at least, and no space at either end.
    if (p == value || *value == ' ' || p[-1] == ' ') return nullptr;
    const std::string_view text(value, static_cast<std::size_t>(p - value));
    const HeaderId id = find_header_id({name, name_bytes});
    const Headers::IdSet bit = Headers::bit(id);
    if ((kFramingIds & bit) != 0 && !is_plain_framing(id, text, seen.all)) return nullptr;
    seen.add(bit);
    fields.add_line_view({kept + (name - begin), name_bytes}, {kept + (value - begin), text.size()}, id);
    if (has_bytes<std::uint32_t>(p, "\r\n\r\n")) {
      p += 4;
      fields.note_lines(seen.all, seen.repeated, static_cast<std::size_t>(p - begin));
      return p;
    }
    p += 2;
  }
  return nullptr;
}

}  // namespace

PlainHead read_plain_head(SectionKind kind, std::string_view bytes, const ScanLimits& limits,
                          const char* kept, Headers& fields) {
  PlainHead head;
  const char* const begin = bytes.data();
  const char* const end = begin + std::min(bytes.size(), limits.section_bytes);
  if (end - begin < static_cast<std::ptrdiff_t>(kMinBytes)) return head;
  const char* p = kind == SectionKind::kRequestHead ? read_request_line(begin, end, limits, head.line)
                                                    : read_status_line(begin, end, head.line);
  if (p != nullptr) p = read_fields(begin, p, end, limits.max_fields, kept, fields);
  if (p != nullptr) {
    head.size = static_cast<std::size_t>(p - begin);
  } else {
    fields.clear();
  }
  return head;
}

}  // namespace ingress::http
