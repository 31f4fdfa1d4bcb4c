// HTTP/1.1 read slowly and strictly: the judge whose word fuzz targets compare the product with.
//
// Written from RFC 9112, 9110 and 3986 over whole text, with searches and copies; it shares no code and no
// header with the library, so that both would have to be wrong in the same way. Where the RFCs leave a choice
// it takes the one that docs and headers of the library promise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ingress::fuzzing {

// What a listener asks of paths beside RFC 3986.
struct StrictPaths {
  bool merges_slashes = false;
  bool refuses_hidden_dots = false;  // "." and ".." behind encoded separators and in front of parameters
  bool refuses_marks = false;        // also separators and parameters themselves, encoded once or twice
};

struct StrictLimits {
  std::size_t line_bytes = 16 * 1024;
  std::size_t head_bytes = 64 * 1024;
  std::size_t max_fields = 100;
  std::uint64_t body_bytes = 0;  // 0 = none
  std::size_t trailer_bytes = 16 * 1024;
  std::size_t extension_bytes = 16 * 1024;
  // RFC 9112 3.2: what a client sends when the target has no authority. A server need not take it.
  bool allows_empty_host = false;
  StrictPaths paths = {};
};

struct StrictField {
  std::string name, value;
  friend bool operator==(const StrictField&, const StrictField&) = default;
};

// What a request asks for after RFC 3986 6.2.2.
struct StrictTarget {
  std::string path;
  std::optional<std::string> query;
  std::string authority;  // as written, without an empty port
  std::string host;       // lower case, no port
  unsigned port = 0;
};

struct StrictMessage {
  std::size_t begin = 0, body_begin = 0, end = 0;  // [begin, end) of the text, empty lines in front left out
  std::string method;
  StrictTarget target;
  int status = 0;
  bool is_http11 = true;
  std::vector<StrictField> fields;
  bool has_head = false;  // otherwise not even that is complete
  bool is_complete = false;
  std::string body;  // as far as it came
  std::vector<StrictField> trailers;
  bool keeps_alive = true;
};

enum class StrictTail : std::uint8_t {
  kOpen,     // more may come
  kRefused,  // what comes next is no HTTP/1.1; nothing behind it has a meaning
  kClosed,   // the last message said that it is the last
};

struct StrictStream {
  std::vector<StrictMessage> messages;  // the last may be incomplete
  StrictTail tail = StrictTail::kOpen;
  // Complete ones; an incomplete one is behind them or not there.
  std::size_t num_complete() const {
    return messages.size() - (!messages.empty() && !messages.back().is_complete ? 1 : 0);
  }
};

StrictStream read_requests(std::string_view text, const StrictLimits& limits);

enum class StrictEnd : std::uint8_t { kOpen, kClosed };
// Responses to requests with these methods, interim ones (1xx but 101) as messages of their own. Text behind
// the last of them makes the tail kRefused.
StrictStream read_responses(std::string_view text, const std::vector<std::string>& methods, StrictEnd end,
                            const StrictLimits& limits);

// Whether `text` cannot be the beginning of anything that is read to an end: no completion of a head, a chunk
// or a trailer section that we know is taken. For judging who refuses before a head is complete.
bool is_hopeless_request(std::string_view text, const StrictLimits& limits);
bool is_hopeless_response(std::string_view text, const std::vector<std::string>& methods,
                          const StrictLimits& limits);

bool equals_without_case(std::string_view a, std::string_view b);
// The elements of all fields of that name, split at commas (RFC 9110 5.6.1), lower case.
std::vector<std::string> list_of(const std::vector<StrictField>& fields, std::string_view name);
std::string describe(const std::vector<StrictField>& fields);

}  // namespace ingress::fuzzing
