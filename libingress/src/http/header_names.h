// The names of HeaderId: what to_header_id() says, for readers that ask it of every field.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "ingress/message.h"

namespace ingress::http {

namespace detail {

// A name in lower case. `fold` has the bit that makes a letter lower case, at every letter.
struct alignas(64) KnownName {
  static constexpr std::size_t kMaxBytes = 24;
  constexpr KnownName() = default;
  constexpr KnownName(std::string_view name, HeaderId its_id)
      : id(its_id), size(static_cast<std::uint8_t>(name.size())) {
    for (std::size_t i = 0; i < name.size(); ++i) {
      text[i] = name[i];
      fold[i] = name[i] >= 'a' && name[i] <= 'z' ? 0x20 : 0;
    }
  }
  std::array<char, kMaxBytes> text{};
  std::array<char, kMaxBytes> fold{};
  HeaderId id = HeaderId::kOther;
  std::uint8_t size = 0;
};

template <typename Word>
inline bool is_word_at(const char* name, const KnownName& known, std::size_t at) {
  Word word, text, fold;
  std::memcpy(&word, name + at, sizeof word);
  std::memcpy(&text, known.text.data() + at, sizeof text);
  std::memcpy(&fold, known.fold.data() + at, sizeof fold);
  return (word | fold) == text;
}

// `name` has the size of `known`. Word by word; the last one overlaps the one before it.
inline bool is_known(const char* name, const KnownName& known) {
  const std::size_t size = known.size;
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (!is_word_at<std::uint64_t>(name, known, at)) return false;
    }
    return is_word_at<std::uint64_t>(name, known, size - 8);
  }
  if (size >= 4)
    return is_word_at<std::uint32_t>(name, known, 0) && is_word_at<std::uint32_t>(name, known, size - 4);
  return is_word_at<std::uint16_t>(name, known, 0) && is_word_at<std::uint16_t>(name, known, size - 2);
}

inline constexpr std::array kKnownNames = {
    KnownName{"connection", HeaderId::kConnection},
    KnownName{"content-length", HeaderId::kContentLength},
    KnownName{"content-type", HeaderId::kContentType},
    KnownName{"date", HeaderId::kDate},
    KnownName{"expect", HeaderId::kExpect},
    KnownName{"forwarded", HeaderId::kForwarded},
    KnownName{"host", HeaderId::kHost},
    KnownName{"keep-alive", HeaderId::kKeepAlive},
    KnownName{"proxy-authenticate", HeaderId::kProxyAuthenticate},
    KnownName{"proxy-authorization", HeaderId::kProxyAuthorization},
    KnownName{"proxy-connection", HeaderId::kProxyConnection},
    KnownName{"server", HeaderId::kServer},
    KnownName{"te", HeaderId::kTe},
    KnownName{"trailer", HeaderId::kTrailer},
    KnownName{"transfer-encoding", HeaderId::kTransferEncoding},
    KnownName{"upgrade", HeaderId::kUpgrade},
    KnownName{"x-forwarded-for", HeaderId::kXForwardedFor},
    KnownName{"x-forwarded-host", HeaderId::kXForwardedHost},
    KnownName{"x-forwarded-port", HeaderId::kXForwardedPort},
    KnownName{"x-forwarded-proto", HeaderId::kXForwardedProto},
    KnownName{"x-request-id", HeaderId::kXRequestId},
};

// Two bytes at `p` as a number, in an order that is the same everywhere.
constexpr std::uint32_t two_bytes(const char* p) {
  if (!std::is_constant_evaluated() && std::endian::native == std::endian::little) {
    std::uint16_t both;
    std::memcpy(&both, p, sizeof both);
    return both;
  }
  return static_cast<unsigned char>(p[0]) | static_cast<std::uint32_t>(static_cast<unsigned char>(p[1])) << 8;
}

// Of a name of two bytes or more; without collisions among the names above: a new name may need another last
// factor, and the compiler says so. Letters fold to lower case by one bit; what that does to other bytes, the
// comparison sorts out.
constexpr std::size_t hash_name(std::string_view name) {
  const std::uint32_t ends =
      (two_bytes(name.data()) | two_bytes(name.data() + name.size() - 2) << 16) | 0x20202020u;
  return ((ends + static_cast<std::uint32_t>(name.size()) * 0x01000193u) * 0x6421e5f9u) >> 27;
}

constexpr std::array<KnownName, 32> make_name_table() {
  std::array<KnownName, 32> table{};
  for (const KnownName& known : kKnownNames) table[hash_name({known.text.data(), known.size})] = known;
  return table;
}
inline constexpr std::array<KnownName, 32> kNameTable = make_name_table();
// Of that table, close together: most names are none of these, and their size says so.
inline constexpr std::array<std::uint8_t, 32> kNameSizes = [] {
  std::array<std::uint8_t, 32> sizes{};
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = kNameTable[i].size;
  return sizes;
}();
static_assert(std::ranges::count_if(kNameTable, [](const KnownName& entry) { return entry.size != 0; }) ==
              std::ssize(kKnownNames));

}  // namespace detail

// The fields that the HTTP/1.1 writer makes itself, whatever stands in the list.
inline constexpr Headers::IdSet kIdsOfWriter =
    Headers::bit(HeaderId::kHost) | Headers::bit(HeaderId::kConnection) |
    Headers::bit(HeaderId::kContentLength) | Headers::bit(HeaderId::kTransferEncoding);

// to_header_id(), inline.
inline HeaderId find_header_id(std::string_view name) {
  if (name.size() < 2) return HeaderId::kOther;
  const std::size_t at = detail::hash_name(name);
  if (detail::kNameSizes[at] != name.size()) return HeaderId::kOther;
  const detail::KnownName& known = detail::kNameTable[at];
  return detail::is_known(name.data(), known) ? known.id : HeaderId::kOther;
}

}  // namespace ingress::http
