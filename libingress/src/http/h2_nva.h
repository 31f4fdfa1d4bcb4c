// Fields to be written, as nghttp2 takes them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/h2_written_field.h"

namespace ingress::http {

// For fields with names in lower case that stay where they are until nghttp2 has written or dropped them.
inline constexpr std::uint8_t kKeptFields = NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;

// Valid until the next call on this thread. Without kKeptFields nghttp2 copies them; it takes no const.
inline std::vector<nghttp2_nv>& to_nva(const std::vector<H2Field>& fields, std::uint8_t flags = 0) {
  static thread_local std::vector<nghttp2_nv> nva;
  const auto bytes_of = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  nva.clear();
  for (const H2Field& field : fields) {
    const std::uint8_t index = field.is_sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    nva.push_back({bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(),
                   static_cast<std::uint8_t>(flags | index)});
  }
  return nva;
}

inline std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace ingress::http
