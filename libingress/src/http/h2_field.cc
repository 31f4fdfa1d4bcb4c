#include "http/h2_field.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <limits>

#include "base/text.h"
#include "http/chars.h"
#include "http/header_names.h"

namespace ingress::http {
namespace {

constexpr std::uint8_t kToken = 1, kPlain = 2;

// Of names, which have no upper case.
constexpr std::array<std::uint8_t, 256> kNameChars = [] {
  std::array<std::uint8_t, 256> chars{};
  for (unsigned c = 0; c < chars.size(); ++c) {
    const bool is_upper = c >= 'A' && c <= 'Z';
    if ((kCharClasses[c] & kTchar) == 0 || is_upper) continue;
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    chars[c] = is_plain ? kToken | kPlain : kToken;
  }
  return chars;
}();

constexpr Headers::IdSet kOfConnection =
    Headers::bit(HeaderId::kConnection) | Headers::bit(HeaderId::kKeepAlive) |
    Headers::bit(HeaderId::kProxyConnection) | Headers::bit(HeaderId::kTransferEncoding) |
    Headers::bit(HeaderId::kUpgrade);

H2Name pseudo_name(std::string_view name) {
  if (name == ":method") return H2Name::kMethod;
  if (name == ":scheme") return H2Name::kScheme;
  if (name == ":authority") return H2Name::kAuthority;
  if (name == ":path") return H2Name::kPath;
  if (name == ":protocol") return H2Name::kProtocol;
  return H2Name::kMalformed;
}

H2Name other_name(std::string_view name, HeaderId id) {
  if (id == HeaderId::kHost) return H2Name::kHost;
  if (id == HeaderId::kContentLength) return H2Name::kContentLength;
  if ((Headers::bit(id) & kOfConnection) != 0) return H2Name::kOfConnection;
  if (name == "cookie") return H2Name::kCookie;
  if (name == "priority") return H2Name::kPriority;
  return H2Name::kOther;
}

H2FieldFacts judge_name(std::string_view name) {
  H2FieldFacts facts;
  if (name.starts_with(':')) {
    facts.name = pseudo_name(name);
    return facts;
  }
  std::uint8_t chars = name.empty() ? 0 : kToken | kPlain;
  for (const char c : name) chars &= kNameChars[static_cast<unsigned char>(c)];
  if ((chars & kToken) == 0) return facts;
  facts.is_plain = (chars & kPlain) != 0;
  facts.id = find_header_id(name);
  facts.name = other_name(name, facts.id);
  return facts;
}

// RFC 3986 3.1.
bool is_scheme(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !is_letter(text.front())) return false;
  for (const char c : text) {
    if (!is_letter(c) && !(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.') return false;
  }
  return true;
}

// RFC 9113 8.2.1: field text with no white space around it.
bool is_trimmed_text(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (text.empty()) return true;
  return !is_space(text.front()) && !is_space(text.back()) && is_field_text(text);
}

bool is_length(std::string_view text) {
  const auto length = base::parse_decimal<std::uint64_t>(text);
  return length && *length <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
}

bool is_value_of(const H2FieldFacts& facts, std::string_view value) {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(value.data());
  switch (facts.name) {
    case H2Name::kMalformed:
    case H2Name::kOfConnection:
      return false;
    case H2Name::kMethod:
      return !value.empty() && nghttp2_check_method(bytes, value.size()) != 0;
    case H2Name::kScheme:
      return is_scheme(value);
    case H2Name::kAuthority:
    case H2Name::kHost:
      return !value.empty() && nghttp2_check_authority(bytes, value.size()) != 0;
    case H2Name::kPath:  // parse_target() looks closer
      return !value.empty() && (is_vchars(value) || nghttp2_check_path(bytes, value.size()) != 0);
    case H2Name::kProtocol:
      return !value.empty() && is_trimmed_text(value);
    case H2Name::kContentLength:
      return is_length(value);
    default:
      if (facts.id == HeaderId::kTe) return base::equals_ignore_case(value, "trailers");
      return is_trimmed_text(value);
  }
}

}  // namespace

H2FieldFacts judge_field(std::string_view name, std::string_view value) {
  H2FieldFacts facts = judge_name(name);
  facts.is_value_ok = is_value_of(facts, value);
  return facts;
}

}  // namespace ingress::http
