#include "http/h2_response_head.h"

#include <charconv>

#include "base/text.h"
#include "http/body_decoder.h"
#include "http/chars.h"
#include "http/header_names.h"
#include "http/target_text.h"

namespace ingress::http {
namespace {

std::unexpected<Error> refuse(const char* what) {
  return std::unexpected(Error{.code = ErrorCode::kBadResponse, .side = ErrorSide::kUpstream, .what = what});
}

}  // namespace

bool H2ResponseReader::add(std::string_view name, std::string_view value) {
  const bool is_pseudo = name.starts_with(':');
  size_ += name.size() + value.size() + kFieldExtra;
  if (!is_pseudo) ++num_fields_;
  if (num_fields_ > limits_.max_headers) too_much_ = "too_many_headers";
  if (size_ > limits_.head_bytes) too_much_ = "head_too_large";
  if (too_much_ != nullptr) return false;
  if (!is_pseudo) {
    lines_.add(head_.headers(), name, value);
  } else if (name == ":status") {
    head_.set_status(base::parse_decimal<std::uint16_t>(value).value_or(0));
  }
  return true;
}

std::expected<BodyFraming, Error> H2ResponseReader::finish(bool is_end, bool is_head_request) {
  lines_.finish(head_.headers());
  head_.set_version(HttpVersion::kHttp2);
  if (too_much_ != nullptr) return refuse(too_much_);
  const std::uint16_t status = head_.status();
  // RFC 9113 8.6: there is no 101.
  if (status < 100 || status > 599 || status == 101) return refuse("bad_status");
  const bool has_length = head_.headers().has(HeaderId::kContentLength);
  const auto length = content_length(head_.headers());
  if (has_length && !length) return refuse("bad_content_length");
  const bool is_bodiless = status < 200 || status == 204 || status == 304 || is_head_request;
  if (is_end || is_bodiless) return BodyFraming{};
  if (!has_length) return BodyFraming{BodyKind::kChunked, 0};
  return BodyFraming{BodyKind::kLength, *length};
}

void H2ResponseReader::clear() {
  head_.clear();
  lines_ = {};
  size_ = num_fields_ = 0;
}

bool H2ResponseReader::add_trailer(std::string_view name, std::string_view value) {
  trailer_bytes_ += name.size() + value.size() + kFieldExtra;
  if (trailer_bytes_ > kMaxTrailerBytes) return false;
  if (may_be_trailer(name)) trailers_.add(name, value);
  return true;
}

namespace {

constexpr std::string_view kTrailers = "trailers";
// Of one connection (RFC 9113 8.2.2), or a pseudo field now.
constexpr Headers::IdSet kNotInH2 = kIdsOfWriter | Headers::bit(HeaderId::kKeepAlive) |
                                    Headers::bit(HeaderId::kProxyConnection) |
                                    Headers::bit(HeaderId::kUpgrade) | Headers::bit(HeaderId::kTe);
// A cookie that is shorter can be guessed, one after the other, by who sees how well it was compressed and
// may add fields of his own (RFC 7541 7.1.3).
constexpr std::size_t kMinIndexedCookieBytes = 20;

struct StringSink {
  std::string& out;
  void put(std::string_view text) { out += text; }
};

bool is_writable(const HeaderField& field) {
  if ((kNotInH2 & Headers::bit(field.id)) != 0) return false;
  return field.is_checked || (base::is_token(field.name) && is_field_text(field.value));
}

bool is_sensitive(const HeaderField& field) {
  if (field.id == HeaderId::kProxyAuthorization) return true;
  if (field.id != HeaderId::kOther) return false;
  if (field.name.size() == 6)
    return base::equals_ignore_case(field.name, "cookie") && field.value.size() < kMinIndexedCookieBytes;
  return base::equals_ignore_case(field.name, "authorization");
}

void list_fields(std::vector<H2Field>& out, const Headers& headers) {
  for (const HeaderField& field : headers) {
    if (is_writable(field)) out.push_back({field.name, field.value, is_sensitive(field)});
  }
}

// `text` where all of it is of the class, else what is.
std::string_view only(std::string& kept, std::string_view text, CharClass wanted) {
  if (is_all(text, wanted)) return text;
  kept.clear();
  StringSink sink{kept};
  put_only(sink, text, wanted);
  return kept;
}

std::string_view target_of(std::string& kept, const RequestHead& head) {
  const std::string_view path = head.path(), query = head.query();
  if (head.is_checked() && !head.has_query()) return path;
  kept.clear();
  if (head.is_checked()) return kept.append(path).append("?").append(query);
  StringSink sink{kept};
  put_target_part(sink, path, '?');
  if (!head.has_query()) return kept;
  sink.put("?");
  put_target_part(sink, query, '#');
  return kept;
}

}  // namespace

void list_request_fields(std::vector<H2Field>& out, H2RequestText& text, const RequestHead& head,
                         std::string_view scheme, BodyFraming framing) {
  out.clear();
  out.push_back({":method", only(text.method, head.method(), kTchar)});
  out.push_back({":scheme", scheme});
  const std::string_view authority =
      head.is_checked() ? head.authority() : only(text.authority, head.authority(), kVchar);
  if (!authority.empty()) out.push_back({":authority", authority});
  out.push_back({":path", target_of(text.target, head)});
  list_fields(out, head.headers());
  const auto te = head.headers().get(HeaderId::kTe);
  if (te && base::equals_ignore_case(*te, kTrailers)) out.push_back({"te", kTrailers});
  if (framing.kind != BodyKind::kLength) return;
  const auto [end, error] = std::to_chars(text.length, text.length + sizeof text.length, framing.length);
  out.push_back({"content-length", {text.length, static_cast<std::size_t>(end - text.length)}});
}

void list_request_trailers(std::vector<H2Field>& out, const Headers& trailers) {
  out.clear();
  list_fields(out, trailers);
}

}  // namespace ingress::http
