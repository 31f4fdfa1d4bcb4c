#include "base/text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace ingress::base {
namespace {

constexpr auto kTokenChars = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789"
                                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_ows(char c) {
  return c == ' ' || c == '\t';
}

// All bytes of a word in lower case at once: the two sums carry into a byte's highest bit when it is at least
// 'A', and when it is more than 'Z'; bytes that have that bit are no letters.
template <typename Word>
Word lower_word_at(const char* p) {
  constexpr Word kOnes = static_cast<Word>(~Word{0}) / 0xff;
  constexpr Word kHighest = kOnes * 0x80;
  Word word;
  std::memcpy(&word, p, sizeof word);
  const Word low = word & ~kHighest;
  const Word is_upper = ((low + kOnes * (0x80 - 'A')) ^ (low + kOnes * (0x7f - 'Z'))) & ~word & kHighest;
  return word | (is_upper >> 2);
}

// `text` as a C string for inet_pton; false when it is too long for any address.
bool parse_address(int family, std::string_view text, unsigned char* out) {
  char copy[INET6_ADDRSTRLEN + 1];
  // A null byte would hide what follows it.
  if (text.empty() || text.size() >= sizeof(copy) || text.find('\0') != text.npos) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return inet_pton(family, copy, out) == 1;
}

}  // namespace

std::string to_lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = to_lower_ascii(c);
  return out;
}

bool has_same_letters(const char* a, const char* b, std::size_t size) {
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (lower_word_at<std::uint64_t>(a + at) != lower_word_at<std::uint64_t>(b + at)) return false;
    }
    return lower_word_at<std::uint64_t>(a + size - 8) == lower_word_at<std::uint64_t>(b + size - 8);
  }
  if (size >= 4) {
    return lower_word_at<std::uint32_t>(a) == lower_word_at<std::uint32_t>(b) &&
           lower_word_at<std::uint32_t>(a + size - 4) == lower_word_at<std::uint32_t>(b + size - 4);
  }
  return std::equal(a, a + size, b, [](char x, char y) { return to_lower_ascii(x) == to_lower_ascii(y); });
}

bool is_token_char(char c) {
  return kTokenChars[static_cast<unsigned char>(c)];
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_char);
}

std::string_view trim_ows(std::string_view text) {
  while (!text.empty() && is_ows(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_ows(text.back())) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> next_list_element(std::string_view& rest) {
  while (!rest.empty()) {
    std::size_t end = 0;
    bool is_quoted = false;
    for (; end < rest.size() && (is_quoted || rest[end] != ','); ++end) {
      if (rest[end] == '"') is_quoted = !is_quoted;
      if (is_quoted && rest[end] == '\\' && end + 1 < rest.size()) ++end;  // quoted-pair, 5.6.4
    }
    const std::string_view element = trim_ows(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

std::optional<std::string_view> next_list_token(std::string_view& rest) {
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view element = trim_ows(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!element.empty()) return element;
  }
  return std::nullopt;
}

bool is_ipv4_address(std::string_view text) {
  unsigned char address[4];
  return parse_address(AF_INET, text, address);
}

bool is_ipv6_address(std::string_view text) {
  unsigned char address[16];
  return parse_address(AF_INET6, text, address);
}

bool is_ip_address(std::string_view text) {
  return is_ipv4_address(text) || is_ipv6_address(text);
}

bool is_dns_label(std::string_view text) {
  if (text.empty() || text.size() > 63 || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

bool is_dns_name(std::string_view text) {
  if (text.size() > 253) return false;
  while (true) {
    const std::size_t dot = text.find('.');
    if (!is_dns_label(text.substr(0, dot))) return false;
    if (dot == text.npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::size_t utf8_sequence_length(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF
  // (RFC 3629 section 4).
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : (lead & 0xf0) == 0xe0        ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  const unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace ingress::base
