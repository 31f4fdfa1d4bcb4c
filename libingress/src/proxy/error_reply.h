// Error -> what the client gets: one table.
#pragma once

#include <cstdint>

#include "ingress/error.h"

namespace ingress::proxy {

struct ErrorRow {
  ErrorCode code;
  std::uint16_t status;  // logged; sent, with its standard phrase as body, when an answer is still possible
};

// The row of a code that can end a request; null for codes that cannot (kIo, kParse, …).
const ErrorRow* find_error_row(ErrorCode code);

}  // namespace ingress::proxy
