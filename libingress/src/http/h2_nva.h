// Fields to be written, as nghttp2 takes them.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/h2_written_field.h"

namespace ingress::http {

// Valid until the next call on this thread. nghttp2 copies them, and takes no const.
inline std::vector<nghttp2_nv>& to_nva(const std::vector<H2Field>& fields) {
  static thread_local std::vector<nghttp2_nv> nva;
  const auto bytes_of = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  nva.clear();
  for (const H2Field& field : fields) {
    const std::uint8_t flags = field.is_sensitive ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
    nva.push_back(
        {bytes_of(field.name), bytes_of(field.value), field.name.size(), field.value.size(), flags});
  }
  return nva;
}

inline std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace ingress::http
