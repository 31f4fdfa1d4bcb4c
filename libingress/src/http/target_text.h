// What filters may have made of a target, as it may be written all the same: for the writers of requests.
#pragma once

#include <string_view>

#include "http/chars.h"

namespace ingress::http {

// A part of the target: what could end it, which is '#' and `delimiter`, or the line, is percent-encoded.
// `out` has put(std::string_view).
template <typename Sink>
void put_target_part(Sink& out, std::string_view part, char delimiter) {
  static constexpr char kHexDigits[] = "0123456789ABCDEF";
  const char* p = part.data();
  const char* const end = p + part.size();
  for (;;) {
    const char* const stop = skip_target_chars(p, end, delimiter);
    out.put({p, static_cast<std::size_t>(stop - p)});
    if (stop == end) return;
    const auto byte = static_cast<unsigned char>(*stop);
    const char escape[] = {'%', kHexDigits[byte >> 4], kHexDigits[byte & 15]};
    out.put({escape, sizeof(escape)});
    p = stop + 1;
  }
}

// Leaves out the bytes that have no place here.
template <typename Sink>
void put_only(Sink& out, std::string_view text, CharClass wanted) {
  for (const char& c : text) {
    if (is_in(c, wanted)) out.put({&c, 1});
  }
}

}  // namespace ingress::http
