// One line of the access log: an ExchangeRecord as a JSON object. Fields are listed in docs/admin.md.
#pragma once

#include <cstdint>
#include <string>

#include "ingress/filter.h"

namespace proxyd {

// Keeps the text of the last second it saw, as most lines share it. Thread: one.
class TimeText {
 public:
  // Appends RFC 3339 in UTC with milliseconds, "2026-01-31T12:00:00.123Z".
  void append(std::string& out, std::int64_t unix_us);

 private:
  std::int64_t second_ = -1;
  char text_[20] = {};  // "2026-01-31T12:00:00"
};

// Appends the line with its line feed. Absent values have no field. Costs one pass over each text.
void append_log_line(std::string& out, const ingress::ExchangeRecord& record, TimeText& time);

}  // namespace proxyd
