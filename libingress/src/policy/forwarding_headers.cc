#include "policy/forwarding_headers.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/text.h"
#include "policy/header_spelling.h"

namespace ingress::policy {

namespace {

constexpr Headers::IdSet kOurs =
    Headers::bit(HeaderId::kForwarded) | Headers::bit(HeaderId::kXForwardedFor) |
    Headers::bit(HeaderId::kXForwardedHost) | Headers::bit(HeaderId::kXForwardedPort) |
    Headers::bit(HeaderId::kXForwardedProto) | Headers::bit(HeaderId::kXRequestId);

bool is_ours(HeaderId id) {
  return (kOurs & Headers::bit(id)) != 0;
}

// A name that is one of ours, or decides about framing, as some backends read it.
bool looks_known(std::string_view name) {
  constexpr std::size_t kLongestKnown = 32;
  char copy[kLongestKnown];
  if (name.size() > kLongestKnown) return false;
  std::ranges::transform(name, copy, folded);
  return to_header_id({copy, name.size()}) != HeaderId::kOther;
}

// Whether backends may take the name for another one.
bool is_doubtful(const HeaderField& field) {
  return field.id == HeaderId::kOther && !field.is_line &&
         !std::ranges::all_of(field.name, [](char c) { return c == '-' || is_letter_or_digit(c); });
}

bool has_doubtful(const Headers& headers) {
  return !headers.has_lines_only() && std::any_of(headers.begin(), headers.end(), is_doubtful);
}

// The port of the URL that the client asked for: as written in Host, otherwise the scheme's own. The port
// we listen on says less, since a Service or a host port in front of us may map another one to it.
std::string_view port_of(std::string_view authority) {
  std::size_t at = authority.size();
  while (at > 0 && base::is_digit(authority[at - 1])) --at;
  return at > 0 && authority[at - 1] == ':' ? authority.substr(at) : std::string_view();
}

// The value of the only field of that name.
std::optional<std::string_view> only(const Headers& headers, HeaderId id) {
  std::optional<std::string_view> found;
  for (const HeaderField& field : headers) {
    if (field.id != id) continue;
    if (found) return std::nullopt;
    found = field.value;
  }
  return found;
}

// All fields of that name as the one list that they are (RFC 9110 5.3).
std::string joined(const Headers& headers, HeaderId id) {
  std::string list;
  for (const HeaderField& field : headers) {
    if (field.id != id || field.value.empty()) continue;
    if (!list.empty()) list += ", ";
    list += field.value;
  }
  return list;
}

bool is_text(std::string_view value, std::size_t max_bytes) {
  return !value.empty() && value.size() <= max_bytes && std::ranges::all_of(value, [](char c) {
    return c > ' ' && c < 0x7f && c != ',' && c != '"' && c != '\\';
  });
}

// An element behind a quoted-string that never ends would be part of that string.
bool has_open_quote(std::string_view list) {
  bool is_open = false;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') is_open = !is_open;
    if (list[i] == '\\' && is_open) ++i;
  }
  return is_open;
}

// RFC 7239 4: IPv6 addresses stand in brackets, and these and a Host with a port in quotes.
void append_forwarded(std::string& list, const ClientFacts& facts) {
  if (!list.empty()) list += ", ";
  const bool is_ipv6 = facts.address.find(':') != facts.address.npos;
  list += "for=";
  if (is_ipv6) list += "\"[";
  list += facts.address == "unix" ? "unknown" : facts.address;
  if (is_ipv6) list += "]\"";
  if (!facts.authority.empty()) list.append(";host=\"").append(facts.authority).append("\"");
  list.append(";proto=").append(facts.scheme);
}

// What a trusted peer said, where it can be used; empty = say it ourselves. Views of memory of `headers`.
struct Kept {
  std::string_view addresses, proto, host, port, forwarded;
};

Kept find_kept(Headers& headers, const ClientFacts& facts) {
  Kept kept;
  std::string list = joined(headers, HeaderId::kXForwardedFor);
  // A unix socket has no address, but whoever speaks through it may.
  if (!list.empty() && facts.address != "unix") list.append(", ").append(facts.address);
  if (!list.empty()) kept.addresses = headers.keep(list);
  list = joined(headers, HeaderId::kForwarded);
  if (!list.empty() && !has_open_quote(list)) {
    append_forwarded(list, facts);
    kept.forwarded = headers.keep(list);
  }
  const auto proto = only(headers, HeaderId::kXForwardedProto);
  if (proto && (base::equals_ignore_case(*proto, "http") || base::equals_ignore_case(*proto, "https")))
    kept.proto = *proto;
  const auto host = only(headers, HeaderId::kXForwardedHost);
  if (host && is_text(*host, 255 + 6)) kept.host = *host;
  const auto port = only(headers, HeaderId::kXForwardedPort);
  if (port && base::parse_decimal<std::uint16_t>(*port)) kept.port = *port;
  return kept;
}

std::string_view own_port(Headers& headers, const ClientFacts& facts, std::string_view authority,
                          std::string_view scheme) {
  if (const std::string_view port = port_of(authority); !port.empty()) return port;
  if (!authority.empty()) return base::equals_ignore_case(scheme, "https") ? "443" : "80";
  char digits[5];
  const auto end = std::to_chars(digits, digits + sizeof digits, facts.listener_port).ptr;
  return headers.keep({digits, static_cast<std::size_t>(end - digits)});
}

// Our fields as lines in one piece of memory, which the writer copies as one.
class Lines {
 public:
  // `value_bytes` of all values together.
  Lines(Headers& headers, std::size_t value_bytes)
      : headers_(headers), at_(headers.take_room(kNameBytes + value_bytes)), begin_(at_) {}
  ~Lines() { headers_.note_lines(ids_, 0, static_cast<std::size_t>(at_ - begin_)); }
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  // `start` is the name with ": "; each id once.
  template <std::size_t N>
  void add(const char (&start)[N], std::string_view value, HeaderId id) {
    constexpr std::size_t kStartBytes = N - 1;
    char* const value_at = at_ + kStartBytes;
    std::memcpy(at_, start, kStartBytes);
    if (!value.empty()) std::memcpy(value_at, value.data(), value.size());
    std::memcpy(value_at + value.size(), "\r\n", 2);
    headers_.add_line_view({at_, kStartBytes - 2}, {value_at, value.size()}, id, at_ != begin_);
    ids_ |= Headers::bit(id);
    at_ = value_at + value.size() + 2;
  }

 private:
  static constexpr std::size_t kNameBytes = 5 * 24;  // of the five, with what is around the values
  Headers& headers_;
  char* at_;
  const char* begin_;
  Headers::IdSet ids_ = 0;
};

#if defined(__SSE2__)

// Sixteen digits, all made at once.
char* put_hex(char* at, std::uint64_t number) {
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<long long>(std::byteswap(number)));
  const __m128i low_bits = _mm_set1_epi8(0x0f);
  const __m128i high = _mm_and_si128(_mm_srli_epi16(bytes, 4), low_bits);
  const __m128i digits = _mm_unpacklo_epi8(high, _mm_and_si128(bytes, low_bits));
  const __m128i is_letter = _mm_cmpgt_epi8(digits, _mm_set1_epi8(9));
  const __m128i to_letter = _mm_and_si128(is_letter, _mm_set1_epi8('a' - '0' - 10));
  const __m128i text = _mm_add_epi8(_mm_add_epi8(digits, _mm_set1_epi8('0')), to_letter);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(at), text);
  return at + sizeof text;
}

#else

constexpr char kHexDigits[] = "0123456789abcdef";

char* put_hex(char* at, std::uint64_t number) {
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = kHexDigits[(number >> shift) & 15];
  return at;
}

#endif

}  // namespace

bool may_pass(const HeaderField& field, HeadersWithUnderscores underscores) {
  if (!is_doubtful(field)) return true;
  return (underscores == HeadersWithUnderscores::kAllow || !has_underscore(field)) &&
         !looks_known(field.name);
}

std::string_view find_request_id(const Headers& headers) {
  constexpr std::size_t kMaxBytes = 128;
  const auto id = only(headers, HeaderId::kXRequestId);
  return id && is_text(*id, kMaxBytes) ? *id : std::string_view();
}

void set_forwarding_headers(Headers& headers, const ClientFacts& facts) {
  const Kept kept = facts.trust == PeerTrust::kTrusted ? find_kept(headers, facts) : Kept();
  if (headers.has_any(kOurs) || has_doubtful(headers)) {
    headers.retain(
        [&](const HeaderField& field) { return !is_ours(field.id) && may_pass(field, facts.underscores); });
  }
  const auto or_ours = [](std::string_view theirs, std::string_view ours) {
    return theirs.empty() ? ours : theirs;
  };
  const std::string_view proto = or_ours(kept.proto, facts.scheme);
  const std::string_view host = or_ours(kept.host, facts.authority);
  const std::string_view port = kept.port.empty() ? own_port(headers, facts, host, proto) : kept.port;
  const std::string_view address = or_ours(kept.addresses, facts.address);
  {
    Lines lines(headers, address.size() + proto.size() + host.size() + port.size() + facts.request_id.size());
    lines.add("X-Forwarded-For: ", address, HeaderId::kXForwardedFor);
    lines.add("X-Forwarded-Proto: ", proto, HeaderId::kXForwardedProto);
    if (!host.empty()) lines.add("X-Forwarded-Host: ", host, HeaderId::kXForwardedHost);
    lines.add("X-Forwarded-Port: ", port, HeaderId::kXForwardedPort);
    lines.add("X-Request-Id: ", facts.request_id, HeaderId::kXRequestId);
  }
  if (!kept.forwarded.empty()) headers.add_checked_view("Forwarded", kept.forwarded, HeaderId::kForwarded);
}

void write_request_id(std::string& out, std::uint64_t high, std::uint64_t low) {
  constexpr std::size_t kBytes = 32;
  if (out.size() != kBytes) out.resize(kBytes);
  char* at = out.data();
  put_hex(put_hex(at, high), low);
}

}  // namespace ingress::policy
