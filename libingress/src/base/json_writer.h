// Writes JSON text: config dumps, admin answers, access log lines.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace ingress::base {

// Appends `text` to `out` as a JSON string with quotes. Bytes that are no valid UTF-8 become U+FFFD,
// control characters (DEL too) short escapes or \u00XX.
void append_json_string(std::string& out, std::string_view text);

// Builds one JSON text member by member; commas and colons are its business. Nesting is the caller's:
// each begin needs its end. Compact by default; `indent` > 0 writes one member per line.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, unsigned indent = 0) : out_(out), indent_(indent) {}
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(std::uint64_t value);
  template <std::signed_integral Int>
  JsonWriter& number(Int value) {
    return number(static_cast<std::int64_t>(value));
  }
  template <std::unsigned_integral Int>
  JsonWriter& number(Int value) {
    return number(static_cast<std::uint64_t>(value));
  }
  // Shortest text that reads back as the same double, always with a point or exponent; null when it is
  // not finite, for which JSON has no number.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();

 private:
  void before_value();
  void new_line();
  std::string& out_;
  unsigned indent_;
  unsigned depth_ = 0;
  bool is_first_ = true;
  bool after_key_ = false;
};

}  // namespace ingress::base
