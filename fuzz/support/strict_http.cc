#include "support/strict_http.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "support/strict_uri.h"

namespace ingress::fuzzing {
namespace {

constexpr std::string_view kLower = "abcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";
constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

enum class Got : std::uint8_t { kAll, kPart, kRefused };

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return kLower.find(c) != kLower.npos || kUpper.find(c) != kUpper.npos ||
           kDigits.find(c) != kDigits.npos || kTokenMarks.find(c) != kTokenMarks.npos;
  });
}

bool is_text(std::string_view text) {  // RFC 9110 5.5
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == text.npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t") + 1 - first));
}

std::string lower(std::string text) {
  for (char& c : text) c = kUpper.find(c) != kUpper.npos ? static_cast<char>(c | 0x20) : c;
  return text;
}

// Lines without their CRLF, up to and without the empty one; kPart when that one is missing.
Got split_lines(std::string_view text, std::vector<std::string>& lines, std::size_t& size) {
  size = 0;
  for (;;) {
    const std::size_t end = text.find("\r\n", size);
    if (end == text.npos) return Got::kPart;
    const std::string line(text.substr(size, end - size));
    size = end + 2;
    if (line.empty()) return Got::kAll;
    lines.push_back(line);
  }
}

bool read_field(const std::string& line, std::vector<StrictField>& out) {
  const std::size_t colon = line.find(':');
  if (colon == line.npos || !is_token(line.substr(0, colon))) return false;
  const std::string value = line.substr(colon + 1);
  if (!is_text(value)) return false;
  out.push_back({line.substr(0, colon), trim(value)});
  return true;
}

// White space that not every reader takes there.
bool has_tab_behind_length(const std::string& line) {
  const std::size_t colon = line.find(':');
  const std::size_t last = line.find_last_not_of(" \t");
  return colon != line.npos && equals_without_case(line.substr(0, colon), "content-length") &&
         line.find('\t', last) != line.npos;
}

std::vector<std::string> values_of(const std::vector<StrictField>& fields, std::string_view name) {
  std::vector<std::string> values;
  for (const StrictField& field : fields) {
    if (equals_without_case(field.name, name)) values.push_back(field.value);
  }
  return values;
}

// Not beyond what fits into 63 bits.
std::optional<std::uint64_t> read_number(std::string digits, std::string_view alphabet, int radix) {
  if (digits.empty() || digits.find_first_not_of(alphabet) != digits.npos) return std::nullopt;
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  if (digits.size() > 19) return std::nullopt;
  const std::uint64_t number = digits.empty() ? 0 : std::strtoull(digits.c_str(), nullptr, radix);
  return number > (~std::uint64_t{0} >> 1) ? std::nullopt : std::optional(number);
}

// RFC 9112 6.3 without its guesses.
struct Length {
  bool is_refused = false, is_chunked = false;
  std::optional<std::uint64_t> bytes;
};

Length length_of(const StrictMessage& message) {
  const auto codings = values_of(message.fields, "transfer-encoding");
  const auto lengths = values_of(message.fields, "content-length");
  Length length;
  if (!codings.empty()) {
    length.is_chunked = true;
    length.is_refused = codings.size() > 1 || !lengths.empty() || !message.is_http11 ||
                        !equals_without_case(codings[0], "chunked");
  } else if (!lengths.empty()) {
    length.bytes = read_number(lengths[0], kDigits, 10);
    length.is_refused = lengths.size() > 1 || !length.bytes;
  }
  return length;
}

bool is_kept_alive(const StrictMessage& message) {
  const auto options = list_of(message.fields, "connection");
  if (std::find(options.begin(), options.end(), "close") != options.end()) return false;
  return message.is_http11 || std::find(options.begin(), options.end(), "keep-alive") != options.end();
}

bool read_request_line(const std::string& line, StrictMessage& message, std::string& target) {
  const std::size_t first = line.find(' ');
  const std::size_t second = first == line.npos ? first : line.find(' ', first + 1);
  if (second == line.npos) return false;
  message.method = line.substr(0, first);
  target = line.substr(first + 1, second - first - 1);
  const std::string version = line.substr(second + 1);
  message.is_http11 = version == "HTTP/1.1";
  return is_token(message.method) && message.method.find_first_of(kLower) == std::string::npos &&
         !target.empty() &&
         std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; }) &&
         (message.is_http11 || version == "HTTP/1.0");
}

bool read_status_line(const std::string& line, StrictMessage& message) {
  message.is_http11 = line.starts_with("HTTP/1.1 ");
  if (!message.is_http11 && !line.starts_with("HTTP/1.0 ")) return false;
  const std::string digits = line.substr(9, 3);
  if (digits.size() != 3 || digits.find_first_not_of(kDigits) != digits.npos) return false;
  message.status = std::atoi(digits.c_str());
  const std::string reason = line.substr(12);
  return message.status >= 100 && message.status <= 599 && (reason.empty() || reason[0] == ' ') &&
         is_text(reason);
}

bool check_request(StrictMessage& message, const std::string& target, const StrictLimits& limits) {
  const auto hosts = values_of(message.fields, "host");
  if (hosts.size() > 1 || (hosts.empty() && message.is_http11)) return false;
  const auto read =
      strict_target(message.method, target, hosts.empty() ? std::nullopt : std::optional(hosts[0]),
                    limits.allows_empty_host, limits.paths);
  if (!read) return false;
  message.target = *read;
  const Length length = length_of(message);
  if (length.is_refused) return false;
  if (limits.body_bytes != 0 && length.bytes.value_or(0) > limits.body_bytes) return false;
  const auto expects = message.is_http11 ? values_of(message.fields, "expect") : std::vector<std::string>();
  return std::all_of(expects.begin(), expects.end(),
                     [](const std::string& value) { return equals_without_case(value, "100-continue"); });
}

// The head at the front of `text`; for responses `target` stays empty.
Got read_head(std::string_view text, bool is_request, const StrictLimits& limits, StrictMessage& message,
              std::string& target) {
  std::vector<std::string> lines;
  std::size_t size = 0;
  const Got got = split_lines(text, lines, size);
  if (got == Got::kPart) return text.size() > limits.head_bytes ? Got::kRefused : Got::kPart;
  const std::size_t line_bytes = is_request ? limits.line_bytes : limits.head_bytes;
  if (lines.empty() || size > limits.head_bytes || lines[0].size() > line_bytes ||
      lines.size() - 1 > limits.max_fields) {
    return Got::kRefused;
  }
  if (is_request ? !read_request_line(lines[0], message, target) : !read_status_line(lines[0], message)) {
    return Got::kRefused;
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (!read_field(lines[i], message.fields) || has_tab_behind_length(lines[i])) return Got::kRefused;
  }
  message.body_begin = message.begin + size;
  message.keeps_alive = is_kept_alive(message);
  return Got::kAll;
}

Got read_trailers(std::string_view text, const StrictLimits& limits, StrictMessage& message,
                  std::size_t& size) {
  std::vector<std::string> lines;
  const Got got = split_lines(text, lines, size);
  if (got == Got::kPart) return text.size() > limits.trailer_bytes ? Got::kRefused : Got::kPart;
  if (size > limits.trailer_bytes || lines.size() > 100) return Got::kRefused;
  for (const std::string& line : lines) {
    if (!read_field(line, message.trailers)) return Got::kRefused;
  }
  return Got::kAll;
}

// RFC 9112 7.1. Fills the body with what came, and the end of the message.
Got read_chunked(std::string_view text, const StrictLimits& limits, StrictMessage& message) {
  std::size_t at = message.body_begin;
  std::size_t extension_bytes = 0;
  for (;;) {
    const std::size_t line_end = text.find("\r\n", at);
    if (line_end == text.npos) return Got::kPart;
    const std::string line(text.substr(at, line_end - at));
    const std::size_t semicolon = std::min(line.find(';'), line.size());
    const auto size = read_number(line.substr(0, semicolon), kHexDigits, 16);
    if (!size || semicolon > 16 || !is_text(line)) return Got::kRefused;
    extension_bytes += line.size() - std::min(semicolon + 1, line.size());
    if (extension_bytes > limits.extension_bytes) return Got::kRefused;
    at = line_end + 2;
    if (*size == 0) break;
    if (limits.body_bytes != 0 && message.body.size() + *size > limits.body_bytes) return Got::kRefused;
    if (text.size() - at <= *size) {
      message.body += text.substr(at);
      return Got::kPart;
    }
    message.body += text.substr(at, *size);
    at += *size;
    const std::string_view behind = text.substr(at, 2);
    if (behind != std::string_view("\r\n").substr(0, behind.size())) return Got::kRefused;
    if (behind.size() < 2) return Got::kPart;
    at += 2;
  }
  std::size_t trailer_size = 0;
  const Got got = read_trailers(text.substr(at), limits, message, trailer_size);
  message.end = at + trailer_size;
  return got;
}

Got read_body(std::string_view text, const Length& length, const StrictLimits& limits,
              StrictMessage& message) {
  if (length.is_chunked) return read_chunked(text, limits, message);
  const std::uint64_t size = length.bytes.value_or(0);
  const std::size_t there = text.size() - message.body_begin;
  message.body = text.substr(message.body_begin, size);
  message.end = message.body_begin + message.body.size();
  return there < size ? Got::kPart : Got::kAll;
}

Got read_response(std::string_view text, const std::string& method, StrictEnd end, const StrictLimits& limits,
                  StrictMessage& message) {
  std::string no_target;
  const Got got = read_head(text.substr(message.begin), false, limits, message, no_target);
  if (got != Got::kAll) return got;
  message.has_head = true;
  message.end = message.body_begin;
  if (message.status == 101) return Got::kRefused;
  const Length length = length_of(message);
  if (length.is_refused) return Got::kRefused;
  if (message.status < 200 || method == "HEAD" || message.status == 204 || message.status == 304)
    return Got::kAll;
  if (length.is_chunked || length.bytes) return read_body(text, length, limits, message);
  message.keeps_alive = false;
  message.body = text.substr(message.body_begin);
  message.end = text.size();
  return end == StrictEnd::kClosed ? Got::kAll : Got::kPart;
}

}  // namespace

StrictStream read_requests(std::string_view text, const StrictLimits& limits) {
  StrictStream stream;
  for (std::size_t at = 0;;) {
    for (int i = 0; i < 2 && text.substr(at).starts_with("\r\n"); ++i) at += 2;  // RFC 9112 2.2
    if (at == text.size()) return stream;
    StrictMessage message{.begin = at};
    std::string target;
    Got got = read_head(text.substr(at), true, limits, message, target);
    if (got == Got::kAll && !check_request(message, target, limits)) got = Got::kRefused;
    if (got == Got::kAll) {
      message.has_head = true;
      got = read_body(text, length_of(message), limits, message);
    }
    message.is_complete = got == Got::kAll;
    at = message.end;
    stream.messages.push_back(message);
    if (got == Got::kRefused) stream.tail = StrictTail::kRefused;
    if (got != Got::kAll) return stream;
    if (!message.keeps_alive) {
      stream.tail = StrictTail::kClosed;
      return stream;
    }
  }
}

StrictStream read_responses(std::string_view text, const std::vector<std::string>& methods, StrictEnd end,
                            const StrictLimits& limits) {
  StrictStream stream;
  std::size_t at = 0;
  for (std::size_t answered = 0; at < text.size() || answered < methods.size();) {
    if (answered == methods.size()) {
      stream.tail = StrictTail::kRefused;
      return stream;
    }
    if (at == text.size()) return stream;
    StrictMessage message{.begin = at, .method = methods[answered]};
    const Got got = read_response(text, methods[answered], end, limits, message);
    message.is_complete = got == Got::kAll;
    at = message.end;
    stream.messages.push_back(message);
    if (got == Got::kRefused) stream.tail = StrictTail::kRefused;
    if (got != Got::kAll) return stream;
    if (message.status < 200) continue;
    ++answered;
    if (!message.keeps_alive) {
      stream.tail = StrictTail::kClosed;
      return stream;
    }
  }
  return stream;
}

namespace {

// Ends of messages, of which every suffix is tried behind a text that stops somewhere.
constexpr std::string_view kRequestEnds[] = {"X / HTTP/1.1\r\nHost:x\r\n\r\n", "X / HTTP/1.0\r\n\r\n",
                                             "X:x\r\n\r\n", "\r\n0;x\r\n\r\n"};
constexpr std::string_view kResponseEnds[] = {"HTTP/1.1 200 X\r\n\r\n", "HTTP/1.0 200\r\n\r\n", "X:x\r\n\r\n",
                                              "\r\n0;x\r\n\r\n"};

template <typename Ends, typename Read>
bool is_hopeless(std::string_view text, const Ends& ends, Read read) {
  for (const std::string_view end : ends) {
    for (std::size_t from = 0; from < end.size(); ++from) {
      const StrictStream stream = read(std::string(text).append(end.substr(from)));
      if (stream.tail != StrictTail::kRefused && stream.num_complete() == stream.messages.size())
        return false;
    }
  }
  return true;
}

}  // namespace

bool is_hopeless_request(std::string_view text, const StrictLimits& limits) {
  return is_hopeless(text, kRequestEnds,
                     [&](const std::string& whole) { return read_requests(whole, limits); });
}

bool is_hopeless_response(std::string_view text, const std::vector<std::string>& methods,
                          const StrictLimits& limits) {
  return is_hopeless(text, kResponseEnds, [&](const std::string& whole) {
    return read_responses(whole, methods, StrictEnd::kClosed, limits);
  });
}

bool equals_without_case(std::string_view a, std::string_view b) {
  return lower(std::string(a)) == lower(std::string(b));
}

std::vector<std::string> list_of(const std::vector<StrictField>& fields, std::string_view name) {
  std::vector<std::string> elements;
  for (const std::string& value : values_of(fields, name)) {
    for (std::size_t from = 0; from <= value.size();) {
      const std::size_t comma = std::min(value.find(',', from), value.size());
      const std::string element = lower(trim(std::string_view(value).substr(from, comma - from)));
      if (!element.empty()) elements.push_back(element);
      from = comma + 1;
    }
  }
  return elements;
}

std::string describe(const std::vector<StrictField>& fields) {
  std::string out;
  for (const StrictField& field : fields) out.append("\n").append(field.name).append("=").append(field.value);
  return out;
}

}  // namespace ingress::fuzzing
