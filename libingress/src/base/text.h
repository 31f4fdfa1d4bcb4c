// Small questions about text: ASCII case, tokens, comma lists, numbers, names and addresses.
//
// Nothing here looks at the locale, allocates (unless it returns a string) or trusts its input.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace ingress::base {

constexpr char to_lower_ascii(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
std::string to_lower_ascii(std::string_view text);
// Case of ASCII letters only; other bytes must be equal.
bool has_same_letters(const char* a, const char* b, std::size_t size);
inline bool equals_ignore_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && has_same_letters(a.data(), b.data(), a.size());
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_token_char(char c);            // tchar, RFC 9110 5.6.2
bool is_token(std::string_view text);  // one tchar at least

// Without spaces and tabs at both ends (OWS, RFC 9110 5.6.3).
std::string_view trim_ows(std::string_view text);

// The next element of a comma list (RFC 9110 5.6.1), trimmed; `rest` moves behind it. Empty elements
// are skipped, a comma inside a quoted-string does not split. Nullopt at the end of the list.
std::optional<std::string_view> next_list_element(std::string_view& rest);
// The same for lists of tokens (Connection, Upgrade): there quotes mean nothing, every comma splits. Who read
// them as quotes could have an option hidden from it that the next server heeds.
std::optional<std::string_view> next_list_token(std::string_view& rest);

// Digits and nothing else: no sign, no space, not empty; nullopt when `U` cannot hold the number.
template <std::unsigned_integral U = std::uint64_t>
std::optional<U> parse_decimal(std::string_view text) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  // Of so many digits every number fits: what is longer pays for a look at each.
  const bool may_overflow = text.size() > std::numeric_limits<std::uint64_t>::digits10;
  if (text.empty()) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    if (may_overflow && value > (kMost - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  if (value > std::numeric_limits<U>::max()) return std::nullopt;
  return static_cast<U>(value);
}

// An address as inet_pton takes it: no port, no brackets, no zone.
bool is_ipv4_address(std::string_view text);
bool is_ipv6_address(std::string_view text);
bool is_ip_address(std::string_view text);

// One label of a name: 1 to 63 of a-z, 0-9 and inner hyphens (RFC 1123 2.1, lower case only).
bool is_dns_label(std::string_view text);
// Labels joined by dots, 253 bytes at most, no dot at the end. An IPv4 address passes as well.
bool is_dns_name(std::string_view text);

// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629: no surrogates, nothing
// overlong, at most U+10FFFF), 0 when there is none.
std::size_t utf8_sequence_length(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace ingress::base
