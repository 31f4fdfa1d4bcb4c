#include "proxyd/json_text.h"

#include <array>
#include <charconv>
#include <cstddef>

namespace proxyd {
namespace {

// Bytes that can be copied as they are: printable ASCII but the quote and the backslash.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (int c = 0x20; c < 0x7f; ++c) plain[static_cast<std::size_t>(c)] = c != '"' && c != '\\';
  return plain;
}();

bool is_plain(char c) {
  return kPlain[static_cast<unsigned char>(c)];
}

void append_escape(std::string& out, char32_t code) {
  constexpr const char* kHex = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(code >> shift) & 0xf];
}

struct CodePoint {
  char32_t code = 0;
  std::size_t num_bytes = 0;  // 0 = not UTF-8
};

// Decodes the character at the start of `text` (RFC 3629 4: no overlong forms, no surrogates, no more
// than U+10FFFF).
CodePoint decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  std::size_t length = 0;
  char32_t code = 0;
  if (lead < 0x80) return {lead, 1};
  if (lead >= 0xc2 && lead <= 0xdf) length = 2, code = lead & 0x1fu;
  if (lead >= 0xe0 && lead <= 0xef) length = 3, code = lead & 0x0fu;
  if (lead >= 0xf0 && lead <= 0xf4) length = 4, code = lead & 0x07u;
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3fu);
  }
  const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (is_overlong || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return {};
  return {code, length};
}

enum class Quotes : unsigned char { kEscape, kKeep };

// Appends the character at the start of `text`; returns how many bytes it took.
std::size_t append_special(std::string& out, std::string_view text, Quotes quotes) {
  const CodePoint point = decode_utf8(text);
  if (point.num_bytes == 0) {
    out += "\xef\xbf\xbd";
    return 1;
  }
  if (point.code == '"' || point.code == '\\') {
    if (quotes == Quotes::kEscape) out += '\\';
    out += static_cast<char>(point.code);
  } else if (point.code == '\n') {
    out += "\\n";
  } else if (point.code < 0xa0 || point.code == 0x2028 || point.code == 0x2029) {
    append_escape(out, point.code);
  } else {
    out += text.substr(0, point.num_bytes);
  }
  return point.num_bytes;
}

void append_escaped(std::string& out, std::string_view text, Quotes quotes) {
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && is_plain(text[plain])) ++plain;
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (!text.empty()) text.remove_prefix(append_special(out, text, quotes));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, Quotes::kEscape);
  out += '"';
}

std::string to_log_text(std::string_view text) {
  std::string out;
  append_escaped(out, text, Quotes::kKeep);
  return out;
}

void JsonWriter::separate() {
  if (needs_comma_) out_ += ',';
  needs_comma_ = true;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  needs_comma_ = false;
}

void JsonWriter::close(char bracket) {
  out_ += bracket;
  needs_comma_ = true;
}

void JsonWriter::key(std::string_view name) {
  separate();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  needs_comma_ = false;
}

void JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(out_, value);
}

void JsonWriter::number(std::uint64_t value) {
  separate();
  char digits[20];
  out_.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
}

}  // namespace proxyd
