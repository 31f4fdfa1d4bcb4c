// The readers of plain heads, 32 bytes at a time, for processors that can: chosen at run time, since what is
// built must run everywhere.
#pragma once

#include <optional>

#include "http/plain_head.h"

namespace ingress::http {

// The two of plain_head.h.
struct PlainHeadReaders {
  using Read = PlainHead (*)(std::string_view bytes, const ScanLimits& limits, const char* kept,
                             Headers& fields);
  Read request, response;
};

#if defined(__x86_64__) && defined(__GNUC__)
#define INGRESS_HAS_AVX2_READER
// None where the processor has no such instructions.
std::optional<PlainHeadReaders> find_avx2_readers();
#endif

}  // namespace ingress::http
