// Writing JSON text from untrusted bytes: one line, always valid JSON and valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace proxyd {

// Appends `text` in quotes. Bytes that are not UTF-8 become U+FFFD; every control character (C0, DEL, C1)
// and the separators U+2028 and U+2029 are escaped, so that no reader sees a second line.
void append_json_string(std::string& out, std::string_view text);

// `text` for people, as in a log line: the same, but quotes and backslashes stay as they are.
std::string to_log_text(std::string_view text);

// An object or array being written, for documents small enough to build by hand. The caller keeps the
// nesting right; commas are put by the writer.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  // `name` is ours and needs no escape.
  void key(std::string_view name);
  void string(std::string_view value);
  void number(std::uint64_t value);
  void boolean(bool value);

 private:
  void open(char bracket);
  void close(char bracket);
  void separate();

  std::string& out_;
  bool needs_comma_ = false;
};

}  // namespace proxyd
