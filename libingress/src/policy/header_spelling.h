// What backends may take for the same header name: CGI, WSGI and PHP keep letters and digits, some of them
// only '-' and '_' besides, and write whatever else there is as '_'.
#pragma once

#include "base/text.h"

namespace ingress::policy {

constexpr bool is_letter_or_digit(char c) {
  const char lower = base::to_lower_ascii(c);
  return base::is_digit(c) || (lower >= 'a' && lower <= 'z');
}
// Lower case, and '-' for all that is no letter or digit.
constexpr char folded(char c) {
  return is_letter_or_digit(c) ? base::to_lower_ascii(c) : '-';
}

}  // namespace ingress::policy
