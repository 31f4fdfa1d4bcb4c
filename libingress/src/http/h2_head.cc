#include "http/h2_head.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"
#include "http/body_decoder.h"
#include "http/chars.h"
#include "http/header_names.h"

namespace ingress::http {
namespace {

std::unexpected<Error> refuse(const char* what, ErrorCode code = ErrorCode::kBadRequest) {
  return std::unexpected(Error{.code = code, .side = ErrorSide::kDownstream, .what = what});
}

// As the fields of a line must be (HeaderField::is_line).
bool is_plain_name(std::string_view name) {
  return std::ranges::all_of(
      name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

// A backend may take "head" for HEAD and send no body where we wait for one.
bool is_method(std::string_view method) {
  return base::is_token(method) && std::ranges::none_of(method, [](char c) { return c >= 'a' && c <= 'z'; });
}

template <std::size_t kSize>
std::string_view write_number(char (&to)[kSize], std::uint64_t number) {
  const auto [end, error] = std::to_chars(to, to + kSize, number);
  return {to, static_cast<std::size_t>(end - to)};
}

}  // namespace

bool H2RequestReader::add(std::string_view name, std::string_view value) {
  size_ += name.size() + value.size() + kFieldExtra;
  const bool is_pseudo = name.starts_with(':');
  const bool is_crumb = name == "cookie";  // of one field
  if (!is_pseudo && !is_crumb) ++num_fields_;
  if (is_too_large_ || size_ > limits_.head_bytes || num_fields_ > limits_.max_headers) {
    is_too_large_ = true;
    return size_ / 4 <= limits_.head_bytes;
  }
  if (is_pseudo) {
    take_pseudo(name, value);
  } else if (is_crumb) {
    if (!cookie_.empty()) cookie_ += "; ";
    cookie_ += value;
  } else {
    add_line(name, value);
  }
  return true;
}

void H2RequestReader::take_pseudo(std::string_view name, std::string_view value) {
  std::string_view* to = nullptr;
  if (name == ":method") to = &method_;
  if (name == ":scheme") to = &scheme_;
  if (name == ":authority") to = &authority_;
  if (name == ":path") to = &path_;
  if (name == ":protocol") to = &protocol_;
  if (to != nullptr) *to = head_.headers().keep(value);
}

// As a line of an HTTP/1.1 head, so that the writer for backends copies it.
void H2RequestReader::add_line(std::string_view name, std::string_view value) {
  Headers& headers = head_.headers();
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
  const std::string_view kept_value(line + name.size() + 2, value.size());
  const HeaderId id = find_header_id(kept_name);
  if (!is_plain_name(name)) {
    headers.add_checked_view(kept_name, kept_value, id);
    line_end_ = nullptr;
    return;
  }
  // A run of lines is written as one: what the writer makes itself is in none.
  const bool is_of_writer = (kIdsOfWriter & Headers::bit(id)) != 0;
  headers.add_line_view(kept_name, kept_value, id, !is_of_writer && line_end_ == line);
  line_end_ = is_of_writer ? nullptr : at;
  repeated_ |= ids_ & Headers::bit(id);
  ids_ |= Headers::bit(id);
  line_bytes_ += size;
}

std::expected<BodyFraming, Error> H2RequestReader::finish(PathOptions paths, bool is_end) {
  head_.set_version(HttpVersion::kHttp2);
  if (!cookie_.empty()) add_line("cookie", cookie_);
  const auto authority = find_authority();
  if (!authority) return std::unexpected(authority.error());
  head_.headers().note_lines(ids_, repeated_, line_bytes_);
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
  if (authority->empty()) return refuse("missing_host");
  const auto target = parse_target(is_extended ? "GET" : method_, path_, *authority, paths, head_);
  if (!target) return std::unexpected(target.error());
  head_.note_checked();
  return framing(is_end);
}

// RFC 9113 8.3.1: ":authority" stands for Host, which may repeat it and no more.
std::expected<std::string_view, Error> H2RequestReader::find_authority() {
  Headers& headers = head_.headers();
  if ((repeated_ & Headers::bit(HeaderId::kHost)) != 0) return refuse("two_hosts");
  const auto host = std::find_if(headers.begin(), headers.end(),
                                 [](const HeaderField& field) { return field.id == HeaderId::kHost; });
  if (host == headers.end()) {
    if (!authority_.empty()) add_line("host", authority_);
    return authority_;
  }
  if (authority_.empty()) return host->value;
  if (!base::equals_ignore_case(authority_, host->value)) return refuse("malformed");
  return authority_;
}

std::expected<BodyFraming, Error> H2RequestReader::framing(bool is_end) const {
  if (is_end) return BodyFraming{};
  if (!head_.headers().has(HeaderId::kContentLength)) return BodyFraming{BodyKind::kChunked, 0};
  const auto length = content_length(head_.headers());
  if (!length) return refuse("bad_content_length");
  return BodyFraming{BodyKind::kLength, *length};
}

bool H2RequestReader::add_trailer(std::string_view name, std::string_view value) {
  trailer_bytes_ += name.size() + value.size() + kFieldExtra;
  if (trailer_bytes_ > kMaxTrailerBytes) return false;
  if (may_be_trailer(name)) trailers_.add(name, value);
  return true;
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

void list_fields(std::vector<H2Field>& out, const Headers& headers) {
  for (const HeaderField& field : headers) {
    if (!is_writable(field)) continue;
    const bool is_sensitive = field.id == HeaderId::kOther && field.name.size() == 10 &&
                              base::equals_ignore_case(field.name, "set-cookie");
    out.push_back({field.name, field.value, is_sensitive});
  }
}

}  // namespace

void list_response_fields(std::vector<H2Field>& out, H2Digits& digits, const ResponseHead& head,
                          BodyFraming framing, std::int64_t kept_length) {
  out.clear();
  out.push_back({":status", write_number(digits.status, head.status())});
  list_fields(out, head.headers());
  // RFC 9110 8.6: never with a 204 or a 1xx, whatever a backend said of them.
  const bool has_length = head.status() >= 200 && head.status() != 204;
  std::int64_t length = has_length ? kept_length : -1;
  if (framing.kind == BodyKind::kLength) length = static_cast<std::int64_t>(framing.length);
  if (length >= 0) {
    out.push_back({"content-length", write_number(digits.length, static_cast<std::uint64_t>(length))});
  }
}

void list_trailer_fields(std::vector<H2Field>& out, const Headers& trailers) {
  out.clear();
  list_fields(out, trailers);
}

}  // namespace ingress::http
