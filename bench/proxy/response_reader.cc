#include "bench/proxy/response_reader.h"

#include <strings.h>

#include <charconv>
#include <optional>

namespace bench {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";

bool has_name(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         strncasecmp(line.data(), name.data(), name.size()) == 0;
}

std::string_view value_of(std::string_view line, std::string_view name) {
  line.remove_prefix(name.size() + 1);
  while (line.starts_with(' ')) line.remove_prefix(1);
  return line;
}

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

ResponseReader::State ResponseReader::take(std::string_view data) {
  if (state_ == State::kHead) {
    // Most heads arrive whole and are read where they are.
    const bool is_kept = !head_.empty();
    if (is_kept) head_.append(data);
    const std::string_view known = is_kept ? std::string_view(head_) : data;
    const std::size_t end = known.find(kEndOfHead);
    if (end == std::string_view::npos) {
      if (!is_kept) head_.assign(data);
      return state_;
    }
    state_ = read_head(known.substr(0, end));
    data.remove_prefix(data.size() - (known.size() - end - kEndOfHead.size()));
    head_.clear();
  }
  return state_ == State::kBody || !data.empty() ? skip_body(data.size()) : state_;
}

ResponseReader::State ResponseReader::skip_body(std::uint64_t bytes) {
  if (state_ == State::kBad || bytes > body_left_ || state_ == State::kHead) return state_ = State::kBad;
  body_left_ -= bytes;
  if (body_left_ == 0) state_ = State::kDone;
  return state_;
}

void ResponseReader::reset() {
  state_ = State::kHead;
  head_.clear();
  body_left_ = 0;
}

ResponseReader::State ResponseReader::read_head(std::string_view head) {
  constexpr std::string_view kVersion = "HTTP/1.1 ";
  if (!head.starts_with(kVersion)) return State::kBad;
  const auto status = to_number<int>(head.substr(kVersion.size(), 3));
  std::optional<std::uint64_t> length;
  is_last_ = false;
  for (std::size_t at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1)) {
    std::string_view line = head.substr(at + 1);
    line = line.substr(0, line.find('\r'));
    if (has_name(line, "content-length")) length = to_number<std::uint64_t>(value_of(line, "content-length"));
    if (has_name(line, "connection"))
      is_last_ = strncasecmp(value_of(line, "connection").data(), "close", 5) == 0;
  }
  if (!status || !length) return State::kBad;
  status_ = *status;
  content_length_ = body_left_ = *length;
  return body_left_ == 0 ? State::kDone : State::kBody;
}

}  // namespace bench
