// What the readers of documents share: their errors, and the check for repeated keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value.h"
#include "ingress/error.h"

namespace ingress::base {

// kParse with "line 3: why" as detail, or `why` alone when the line is 0. `what` is static text.
Error parse_error(const char* what, std::uint32_t line, std::string_view why);
// kTooLarge; `cap` names the cap, as in "more than 64 levels".
Error cap_error(std::uint32_t line, std::string_view cap);

// The second member of some name that `members` has twice, null when there is none. Sorts, so that a
// hostile object of a hundred thousand members costs n log n.
const Value::Member* find_repeated_key(const Value::Object& members);

// Tells the line of offsets asked for in rising order; linear in the text over all calls.
class LineCounter {
 public:
  explicit LineCounter(std::string_view text) : text_(text) {}
  std::uint32_t line_at(std::size_t offset);  // 1-based

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
  std::uint32_t line_ = 1;
};

}  // namespace ingress::base
