#include "http/h2_head.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "http/body_decoder.h"
#include "http/chars.h"
#include "http/header_names.h"

namespace ingress::http {
namespace {

std::unexpected<Error> refuse(const char* what, ErrorCode code = ErrorCode::kBadRequest) {
  return std::unexpected(Error{.code = code, .side = ErrorSide::kDownstream, .what = what});
}

// A backend may take "head" for HEAD and send no body where we wait for one.
bool is_method(std::string_view method) {
  return base::is_token(method) && std::ranges::none_of(method, [](char c) { return c >= 'a' && c <= 'z'; });
}

}  // namespace

void H2RequestReader::begin(HeadLimits limits) {
  limits_ = limits;
  head_.clear();
  trailers_.clear();
  lines_ = {};
  priority_.reset();
  method_ = scheme_ = authority_ = path_ = protocol_ = {};
  cookie_.clear();
  size_ = num_fields_ = trailer_bytes_ = 0;
  room_ = room_end_ = nullptr;
  seen_ = 0;
  is_too_large_ = is_in_fields_ = false;
}

H2RequestReader::Taken H2RequestReader::add(const H2ReadField& field) {
  const std::size_t size = size_ + field.name.size() + field.value.size() + kFieldExtra;
  const bool is_usual = field.facts.name == H2Name::kOther && field.facts.is_value_ok && !is_too_large_ &&
                        size <= limits_.head_bytes && num_fields_ < limits_.max_headers;
  if (!is_usual) return add_special(field);
  size_ = size;
  ++num_fields_;
  is_in_fields_ = true;
  add_line(field);
  return Taken::kYes;
}

// One that is more than a line of the head, or that makes the request a wrong one.
H2RequestReader::Taken H2RequestReader::add_special(const H2ReadField& field) {
  const H2Name name = field.facts.name;
  if (!field.facts.is_value_ok) return Taken::kMalformed;
  const bool is_pseudo = name >= H2Name::kMethod && name <= H2Name::kProtocol;
  const bool is_single = is_pseudo || name == H2Name::kHost || name == H2Name::kContentLength;
  if (is_pseudo && is_in_fields_) return Taken::kMalformed;  // RFC 9113 8.3
  if (is_single && has(name)) return Taken::kMalformed;
  if (is_single) seen_ |= 1u << static_cast<unsigned>(name);
  if (!is_pseudo) is_in_fields_ = true;
  size_ += field.name.size() + field.value.size() + kFieldExtra;
  if (!is_pseudo && name != H2Name::kCookie) ++num_fields_;  // crumbs are of one field
  if (size_ > limits_.head_bytes || num_fields_ > limits_.max_headers) is_too_large_ = true;
  if (is_too_large_) return size_ / 4 <= limits_.head_bytes ? Taken::kYes : Taken::kTooMuch;
  if (is_pseudo) {
    take_pseudo(field);
  } else if (name == H2Name::kCookie) {
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_ += field.value;
  } else {
    if (name == H2Name::kPriority) priority_ = parse_priority(field.value);
    add_line(field);
  }
  return Taken::kYes;
}

void H2RequestReader::take_pseudo(const H2ReadField& field) {
  const H2Name name = field.facts.name;
  if (name == H2Name::kAuthority) {
    authority_ = make_line("host", field.value);  // which it becomes, unless there is one
    return;
  }
  char* const kept = take_room(field.value.size());
  std::memcpy(kept, field.value.data(), field.value.size());
  const std::string_view value(kept, field.value.size());
  if (name == H2Name::kMethod) method_ = value;
  if (name == H2Name::kScheme) scheme_ = value;
  if (name == H2Name::kPath) path_ = value;
  if (name == H2Name::kProtocol) protocol_ = value;
}

// Of the head's storage, for several lines at once: they stand one behind the other.
void H2RequestReader::more_room(std::size_t bytes) {
  constexpr std::size_t kPieceBytes = 768;  // of most heads all
  const std::size_t piece = std::max(kPieceBytes, bytes);
  room_ = head_.headers().take_room(piece);
  room_end_ = room_ + piece;
}

// As a line of an HTTP/1.1 head, so that the writer for backends copies it.
void H2RequestReader::add_line(const H2ReadField& field) {
  const std::size_t name_size = field.name.size();
  std::string_view value;
  if (field.line != nullptr) {
    const std::size_t size = line_bytes(name_size, field.value.size());
    char* const line = take_room(size);
    std::memcpy(line, field.line, size);
    value = {line + name_size + 2, field.value.size()};
  } else {
    value = make_line(field.name, field.value);
  }
  lines_.note(head_.headers(), {value.data() - 2 - name_size, name_size}, value, field.facts.id,
              field.facts.is_plain);
}

// Returns the value, which stands in the line.
std::string_view H2RequestReader::make_line(std::string_view name, std::string_view value) {
  char* at = take_room(line_bytes(name.size(), value.size()));
  const auto put = [&at](std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(name);
  put(": ");
  put(value);
  put("\r\n");
  return {at - 2 - value.size(), value.size()};
}

std::expected<BodyFraming, Error> H2RequestReader::finish(PathOptions paths, bool is_end) {
  head_.set_version(HttpVersion::kHttp2);
  if (!has_what_it_needs()) return refuse("malformed");
  Headers& headers = head_.headers();
  if (!cookie_.empty()) {
    const std::string_view value = make_line("cookie", cookie_);
    lines_.note(headers, {value.data() - 8, 6}, value, HeaderId::kOther, true);
  }
  const auto authority = find_authority();
  lines_.finish(headers);
  if (!authority) return std::unexpected(authority.error());
  if (is_too_large_) return refuse("head_too_large", ErrorCode::kHeadTooLarge);
  if (path_.size() > limits_.request_line_bytes) return refuse("uri_too_long", ErrorCode::kUriTooLong);
  if (!is_method(method_)) return refuse("bad_request_line");
  const bool is_extended = !protocol_.empty();
  head_.set_method_view(method_);
  if (!is_extended && method_ == "CONNECT") return refuse("connect", ErrorCode::kMethodNotSupported);
  // RFC 9113 8.3.1. What follows a path of another scheme is not ours to read.
  if (!base::equals_ignore_case(scheme_, "http") && !base::equals_ignore_case(scheme_, "https"))
    return refuse("malformed");
  // The absolute form has no place here.
  const bool is_path = path_.starts_with('/') || (path_ == "*" && method_ == "OPTIONS");
  if (!is_path) return refuse("malformed");
  const auto target = parse_target(is_extended ? "GET" : method_, path_, *authority, paths, head_);
  if (!target) return std::unexpected(target.error());
  head_.note_checked();
  return framing(is_end);
}

// Pseudo fields that a request must have, and those that it must not (RFC 9113 8.3.1 and 8.5, RFC 8441 4).
bool H2RequestReader::has_what_it_needs() const {
  if (!has(H2Name::kMethod)) return false;
  if (has(H2Name::kProtocol) && !has(H2Name::kAuthority)) return false;
  const bool has_target = has(H2Name::kScheme) && has(H2Name::kPath);
  if (is_too_large_) return has_target || has(H2Name::kAuthority);  // its method may not have been kept
  if (method_ != "CONNECT") {
    if (has(H2Name::kProtocol)) return false;
    return has_target && (has(H2Name::kAuthority) || has(H2Name::kHost));
  }
  if (has(H2Name::kProtocol)) return has_target;
  return has(H2Name::kAuthority) && !has(H2Name::kScheme) && !has(H2Name::kPath);
}

// RFC 9113 8.3.1: ":authority" stands for Host, which may repeat it and no more.
std::expected<std::string_view, Error> H2RequestReader::find_authority() {
  Headers& headers = head_.headers();
  const auto* const host =
      has(H2Name::kHost) ? std::find_if(headers.begin(), headers.end(),
                                        [](const HeaderField& field) { return field.id == HeaderId::kHost; })
                         : headers.end();
  if (host == headers.end()) {
    if (!authority_.empty())
      lines_.note(headers, {authority_.data() - 6, 4}, authority_, HeaderId::kHost, true);
    return authority_;
  }
  if (authority_.empty()) return host->value;
  if (!base::equals_ignore_case(authority_, host->value)) return refuse("malformed");
  return authority_;
}

std::expected<BodyFraming, Error> H2RequestReader::framing(bool is_end) const {
  if (!has(H2Name::kContentLength)) return is_end ? BodyFraming{} : BodyFraming{BodyKind::kChunked, 0};
  const auto length = content_length(head_.headers());
  if (!length) return refuse("bad_content_length");
  if (!is_end) return BodyFraming{BodyKind::kLength, *length};
  if (*length != 0) return refuse("malformed");
  return BodyFraming{};
}

H2RequestReader::Taken H2RequestReader::add_trailer(const H2ReadField& field) {
  const H2Name name = field.facts.name;
  const bool is_pseudo = name >= H2Name::kMethod && name <= H2Name::kProtocol;
  if (is_pseudo || !field.facts.is_value_ok) return Taken::kMalformed;
  trailer_bytes_ += field.name.size() + field.value.size() + kFieldExtra;
  if (trailer_bytes_ > kMaxTrailerBytes) return Taken::kTooMuch;
  if (may_be_trailer(field.name)) trailers_.add(field.name, field.value);
  return Taken::kYes;
}

namespace {

// Beside those that the exchange has taken away: of one connection (RFC 9113 8.2.2).
constexpr Headers::IdSet kNotInH2 = kIdsOfWriter | Headers::bit(HeaderId::kKeepAlive) |
                                    Headers::bit(HeaderId::kProxyConnection) |
                                    Headers::bit(HeaderId::kUpgrade) | Headers::bit(HeaderId::kTe);

bool is_writable(const HeaderField& field) {
  if ((kNotInH2 & Headers::bit(field.id)) != 0) return false;
  return field.is_checked || (base::is_token(field.name) && is_field_text(field.value));
}

// Eight or four bytes of a name at once: those of 'A' to 'Z' get the bit that makes them lower case.
template <typename Word>
void copy_lower_word(char* to, const char* from) {
  constexpr Word kOnes = std::numeric_limits<Word>::max() / 0xff;
  Word word;
  std::memcpy(&word, from, sizeof word);
  const Word low = word & kOnes * 0x7f;
  const Word is_upper = (low + kOnes * (0x80 - 'A')) & ~(low + kOnes * (0x7f - 'Z')) & ~word & kOnes * 0x80;
  word |= is_upper >> 2;
  std::memcpy(to, &word, sizeof word);
}

// The last word overlaps the one before it.
void copy_lower(char* to, std::string_view name) {
  const std::size_t size = name.size();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8)
      copy_lower_word<std::uint64_t>(to + at, name.data() + at);
    return copy_lower_word<std::uint64_t>(to + size - 8, name.data() + size - 8);
  }
  if (size >= 4) {
    copy_lower_word<std::uint32_t>(to, name.data());
    return copy_lower_word<std::uint32_t>(to + size - 4, name.data() + size - 4);
  }
  for (std::size_t i = 0; i < size; ++i) to[i] = base::to_lower_ascii(name[i]);
}

H2Field keep_field(base::Arena& text, const HeaderField& field) {
  const std::size_t name_size = field.name.size();
  char* const kept = text.take(name_size + field.value.size());
  copy_lower(kept, field.name);
  if (!field.value.empty()) std::memcpy(kept + name_size, field.value.data(), field.value.size());
  const std::string_view name(kept, name_size);
  const bool is_sensitive = field.id == HeaderId::kOther && name == "set-cookie";
  return {name, {kept + name_size, field.value.size()}, is_sensitive};
}

void list_fields(std::vector<H2Field>& out, base::Arena& text, const Headers& headers) {
  for (const HeaderField& field : headers) {
    if (is_writable(field)) out.push_back(keep_field(text, field));
  }
}

std::string_view keep_number(base::Arena& text, std::uint64_t number) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
  return text.copy({digits, static_cast<std::size_t>(end - digits)});
}

}  // namespace

void list_response_fields(std::vector<H2Field>& out, base::Arena& text, const ResponseHead& head,
                          BodyFraming framing, std::int64_t kept_length) {
  out.clear();
  out.push_back({":status", head.status() == 200 ? "200" : keep_number(text, head.status())});
  list_fields(out, text, head.headers());
  // RFC 9110 8.6: never with a 204 or a 1xx, whatever a backend said of them.
  const bool has_length = head.status() >= 200 && head.status() != 204;
  std::int64_t length = has_length ? kept_length : -1;
  if (framing.kind == BodyKind::kLength) length = static_cast<std::int64_t>(framing.length);
  if (length >= 0) out.push_back({"content-length", keep_number(text, static_cast<std::uint64_t>(length))});
}

void list_trailer_fields(std::vector<H2Field>& out, base::Arena& text, const Headers& trailers) {
  out.clear();
  list_fields(out, text, trailers);
}

}  // namespace ingress::http
