// The fast way through a head of the usual shape, which most are: one pass, 16 bytes at a time.
//
// Plain is a head that two readers cannot read in two ways: every line ends with CR LF, names are letters,
// digits and hyphens, a colon and one space follow, values are printable ASCII with no space at either end,
// and nothing in it changes how the message is framed but one Content-Length of digits. Whatever else comes
// is left to HeadScanner and the second reader, which also know what to say about it.
// Thread: any. No state, no copy, no allocation but the list's own.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/head_scanner.h"
#include "ingress/message.h"

namespace ingress::http {

// What a plain head says; `size` counts its empty line. 0: it is none, or it is not whole.
struct PlainHead {
  std::size_t size = 0;
  StartLine line;
};

// Each reads the head at the front of `bytes` and appends its fields to `fields`, as views of the memory at
// `kept`, where the caller copies the head to. `fields` must be empty, and is when the head was not plain. A
// head that goes beyond a limit is not plain.
PlainHead read_plain_request(std::string_view bytes, const ScanLimits& limits, const char* kept,
                             Headers& fields);
PlainHead read_plain_response(std::string_view bytes, const ScanLimits& limits, const char* kept,
                              Headers& fields);

}  // namespace ingress::http
