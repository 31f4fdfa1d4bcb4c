#include "base/document.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace ingress::base {
namespace {

std::string at_line(std::uint32_t line, std::string_view why) {
  if (line == 0) return std::string(why);
  std::string out = "line " + std::to_string(line) + ": ";
  out += why;
  return out;
}

}  // namespace

Error parse_error(const char* what, std::uint32_t line, std::string_view why) {
  return {.code = ErrorCode::kParse, .what = what, .detail = at_line(line, why)};
}

Error cap_error(std::uint32_t line, std::string_view cap) {
  return {.code = ErrorCode::kTooLarge, .what = "document over a cap", .detail = at_line(line, cap)};
}

const Value::Member* find_repeated_key(const Value::Object& members) {
  std::vector<const Value::Member*> sorted;
  sorted.reserve(members.size());
  for (const Value::Member& member : members) sorted.push_back(&member);
  // Members lie in one array, so their addresses tell which of two comes second.
  std::sort(sorted.begin(), sorted.end(), [](const Value::Member* a, const Value::Member* b) {
    return a->first != b->first ? a->first < b->first : a < b;
  });
  const auto twin =
      std::adjacent_find(sorted.begin(), sorted.end(),
                         [](const Value::Member* a, const Value::Member* b) { return a->first == b->first; });
  return twin == sorted.end() ? nullptr : *(twin + 1);
}

std::uint32_t LineCounter::line_at(std::size_t offset) {
  const std::size_t end = std::min(offset, text_.size());
  if (end > offset_) {
    const auto passed = text_.substr(offset_, end - offset_);
    line_ += static_cast<std::uint32_t>(std::count(passed.begin(), passed.end(), '\n'));
    offset_ = end;
  }
  return line_;
}

}  // namespace ingress::base
