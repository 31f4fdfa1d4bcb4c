// Error -> what the client gets: one table.
#pragma once

#include <cstdint>
#include <string_view>

#include "ingress/error.h"

namespace ingress::proxy {

struct ErrorRow {
  ErrorCode code;
  std::uint16_t status;    // logged; sent when an answer is still possible
  std::string_view text;   // body of the answer, without newline
};

// The row of a code that can end a request; null for codes that cannot (kIo, kParse, …).
const ErrorRow* find_error_row(ErrorCode code);

}  // namespace ingress::proxy
