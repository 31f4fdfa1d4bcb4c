// Fields of an HTTP/2 head as lines of an HTTP/1.1 head (HeaderField::is_line), so that the writer of the
// other side copies them as one piece.
//
// Owner: the reader of a head. Behind nghttp2, which lets only names that are lower case tokens and values
// that are field text pass.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <utility>

#include "http/header_names.h"
#include "ingress/message.h"

namespace ingress::http {

class H2FieldLines {
 public:
  // Copies the field into the storage of `headers`.
  void add(Headers& headers, std::string_view name, std::string_view value) {
    const std::size_t size = name.size() + value.size() + 4;
    char* const line = headers.take_room(size);
    char* at = line;
    const auto put = [&at](std::string_view text) {
      if (!text.empty()) std::memcpy(at, text.data(), text.size());
      at += text.size();
    };
    put(name);
    put(": ");
    put(value);
    put("\r\n");
    const std::string_view kept_name(line, name.size());
    note(headers, kept_name, {line + name.size() + 2, value.size()}, find_header_id(kept_name),
         is_plain_name(name));
  }
  // For one that stands in the storage of `headers` as a line. `is_plain`: see HeaderField::is_line.
  void note(Headers& headers, std::string_view name, std::string_view value, HeaderId id, bool is_plain) {
    if (!is_plain) {
      line_end_ = nullptr;
      return headers.add_checked_view(name, value, id);
    }
    // A run of lines is written as one: what the writer makes itself is in none.
    const bool is_of_writer = (kIdsOfWriter & Headers::bit(id)) != 0;
    headers.add_line_view(name, value, id, !is_of_writer && line_end_ == name.data());
    line_end_ = is_of_writer ? nullptr : value.data() + value.size() + 2;
    repeated_ |= ids_ & Headers::bit(id);
    ids_ |= Headers::bit(id);
    num_bytes_ += name.size() + value.size() + 4;
  }
  // Behind the last one.
  void finish(Headers& headers) const { headers.note_lines(ids_, repeated_, num_bytes_); }

 private:
  static bool is_plain_name(std::string_view name) {
    return std::ranges::all_of(
        name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
  }

  const char* line_end_ = nullptr;  // of the last line, where the next may stand right behind
  Headers::IdSet ids_ = 0, repeated_ = 0;
  std::size_t num_bytes_ = 0;
};

}  // namespace ingress::http
