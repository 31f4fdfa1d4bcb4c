#include "http/h1_parser.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/text.h"
#include "http/framing.h"
#include "http/head_scanner.h"
#include "http/plain_head.h"
#include "http/second_reader.h"
#include "http/uri.h"

namespace ingress::http {
namespace {

// What both parsers do alike: scan, keep the bytes, and tell where things are in them.
class HeadReader {
 public:
  HeadReader(SectionKind kind, HeadLimits limits) : kind_(kind) {
    bytes_.reserve(kInitialBytes);
    start(limits);
  }

  void start(HeadLimits limits) {
    if (has_scanned_) scanner_.start(kind_, to_scan_limits(limits));
    has_scanned_ = false;
    bytes_.clear();
    line_ = {};
    if (has_failed_) error_ = {};
    has_failed_ = is_complete_ = is_plain_ = false;
  }

  // The whole head at once, where it is plain and there is room for it already: its size, or 0.
  std::size_t take_plain(std::string_view bytes, HeadLimits limits, Headers& fields) {
    if (has_failed_ || is_complete_ || scanner_.has_begun()) return 0;
    ScanLimits scan_limits = to_scan_limits(limits);
    scan_limits.section_bytes = std::min(scan_limits.section_bytes, bytes_.capacity());
    const PlainHead head = kind_ == SectionKind::kRequestHead
                               ? read_plain_request(bytes, scan_limits, bytes_.data(), fields)
                               : read_plain_response(bytes, scan_limits, bytes_.data(), fields);
    if (head.size == 0) return 0;
    // There is room: nothing is written but the head.
    bytes_.resize_and_overwrite(head.size, [bytes](char* to, std::size_t size) {
      std::memcpy(to, bytes.data(), size);
      return size;
    });
    line_ = head.line;
    is_plain_ = is_complete_ = true;
    return head.size;
  }

  // How much of `bytes` belongs to the head; is_complete when it now ends there, and `fields` has its fields.
  std::expected<FeedResult, Error> take(std::string_view bytes, HeadLimits limits, Headers& fields) {
    if (has_failed_) return std::unexpected(error_);
    if (is_complete_) return FeedResult{0, true};
    has_scanned_ = true;
    scanner_.set_limits(to_scan_limits(limits));  // they may have changed while the connection was idle
    const HeadScanner::Step step = scanner_.scan(bytes);
    bytes_.append(bytes.substr(step.skipped, step.taken));
    line_ = scanner_.start_line();
    if (step.outcome == HeadScanner::Outcome::kRefused)
      return fail({.code = scanner_.code(), .what = scanner_.what()});
    is_complete_ = step.outcome == HeadScanner::Outcome::kDone;
    if (is_complete_) copy_fields_to(fields);
    return FeedResult{step.skipped + step.taken, is_complete_};
  }

  std::unexpected<Error> fail(Error error) {
    has_failed_ = true;
    error.side = kind_ == SectionKind::kRequestHead ? ErrorSide::kDownstream : ErrorSide::kUpstream;
    if (kind_ == SectionKind::kResponseHead) error.code = ErrorCode::kBadResponse;
    error_ = std::move(error);
    return std::unexpected(error_);
  }

  bool has_started() const { return is_plain_ || scanner_.has_started(); }
  const StartLine& line() const { return line_; }
  std::string_view text(std::size_t from, std::size_t to) const {
    return std::string_view(bytes_).substr(from, to - from);
  }
  // From `from` to what has come so far.
  std::string_view text_from(std::size_t from) const {
    return text(std::min(from, bytes_.size()), bytes_.size());
  }

  // A plain head has no second way to be read (tests and fuzzers ask llhttp about it all the same).
  bool second_reader_agrees() const {
    return is_plain_ || http::second_reader_agrees(kind_, bytes_, line_, scanner_.fields());
  }
  // Why not, where that is not about framing.
  Error disagreement() const {
    return {.code = ErrorCode::kBadRequest,
            .what = has_tab_behind_length() ? "bad_content_length" : "parsers_disagree"};
  }

 private:
  static constexpr std::size_t kInitialBytes = 1024;

  static ScanLimits to_scan_limits(HeadLimits limits) {
    return {.section_bytes = limits.head_bytes,
            .max_fields = limits.max_headers,
            .line_bytes = limits.request_line_bytes};
  }

  // White space by the grammar (RFC 9110 5.6.3), but not to every reader: llhttp takes spaces there only.
  bool has_tab_behind_length() const {
    return std::ranges::any_of(scanner_.fields(), [this](const FieldSpan& field) {
      const std::string_view value = text(field.value, field.value_end);
      const std::size_t blank = value.find_last_not_of(" \t") + 1;
      return to_header_id(text(field.name, field.name_end)) == HeaderId::kContentLength &&
             value.find('\t', blank) != value.npos;
    });
  }

  void copy_fields_to(Headers& headers) const {
    for (const FieldSpan& field : scanner_.fields()) {
      const std::string_view name = text(field.name, field.name_end);
      // The scanner lets only tokens and field text pass.
      headers.add_checked_view(name, base::trim_ows(text(field.value, field.value_end)), to_header_id(name));
    }
  }

  SectionKind kind_;
  bool has_failed_ = false;
  bool is_complete_ = false;
  bool is_plain_ = false;    // complete, and the scanner has not seen it
  bool has_scanned_ = true;  // something that is to be forgotten
  HeadScanner scanner_;
  StartLine line_;
  std::string bytes_;
  Error error_;
};

// The value of the one Host field; empty only where HTTP/1.0 has none.
std::expected<std::string_view, Error> find_host(const RequestHead& head) {
  const auto refuse = [](const char* what) {
    return std::unexpected(Error{.code = ErrorCode::kBadRequest, .what = what});
  };
  const Headers& headers = head.headers();
  const auto host = headers.get(HeaderId::kHost);
  if (!host) {
    if (head.version() == HttpVersion::kHttp10) return std::string_view();
    return refuse("missing_host");
  }
  if (headers.may_repeat(HeaderId::kHost)) return refuse("two_hosts");
  if (host->empty()) return refuse("bad_host");
  return *host;
}

std::expected<void, Error> fill(RequestHead& head, const HeadReader& reader, PathOptions paths) {
  const StartLine& line = reader.line();
  head.set_method_view(reader.text(0, line.method_end));
  head.set_version(line.version);
  const auto host = find_host(head);
  if (!host) return std::unexpected(host.error());
  const auto target =
      parse_target(head.method(), reader.text(line.target, line.target_end), *host, paths, head);
  if (!target) return target;
  head.note_checked();
  if (reader.second_reader_agrees()) return {};
  // llhttp has an opinion on lengths too; the words for those are framing's.
  const auto framing = request_framing(head);
  return std::unexpected(framing ? reader.disagreement() : framing.error());
}

std::expected<void, Error> fill(ResponseHead& head, const HeadReader& reader) {
  const StartLine& line = reader.line();
  head.set_status(line.status);
  head.set_reason_view(reader.text(line.reason, line.reason_end));
  head.set_version(line.version);
  if (reader.second_reader_agrees()) return {};
  const auto framing = response_framing(head, {});
  return std::unexpected(framing ? reader.disagreement() : framing.error());
}

// `fill_head` makes the head of what the reader has, once that is whole.
template <typename Fill>
std::expected<FeedResult, Error> feed_head(HeadReader& reader, std::string_view bytes, HeadLimits limits,
                                           Headers& fields, Fill fill_head) {
  std::size_t consumed = reader.take_plain(bytes, limits, fields);
  if (consumed == 0) {
    auto result = reader.take(bytes, limits, fields);
    if (!result || !result->is_complete || result->consumed == 0) return result;
    consumed = result->consumed;
  }
  if (const auto filled = fill_head(); !filled) return reader.fail(filled.error());
  return FeedResult{consumed, true};
}

}  // namespace

struct RequestParser::Impl : HeadReader {
  using HeadReader::HeadReader;
};

RequestParser::RequestParser(HeadLimits limits, PathOptions paths) : limits_(limits), paths_(paths) {}
RequestParser::~RequestParser() = default;

std::expected<FeedResult, Error> RequestParser::feed(std::string_view bytes) {
  if (!impl_) impl_ = std::make_unique<Impl>(SectionKind::kRequestHead, limits_);
  return feed_head(*impl_, bytes, limits_, head_.headers(), [this] { return fill(head_, *impl_, paths_); });
}

bool RequestParser::has_started() const {
  return impl_ && impl_->has_started();
}

std::string_view RequestParser::raw_method() const {
  return impl_ ? impl_->text(0, impl_->line().method_end) : std::string_view();
}

std::string_view RequestParser::raw_target() const {
  if (!impl_ || impl_->line().method_end == 0) return {};
  const StartLine& line = impl_->line();
  return line.target_end == 0 ? impl_->text_from(line.target) : impl_->text(line.target, line.target_end);
}

void RequestParser::reset() {
  head_.clear();
  if (impl_) impl_->start(limits_);
}

void RequestParser::release() {
  head_.clear();
  head_.headers().release();
  impl_.reset();
}

struct ResponseParser::Impl : HeadReader {
  using HeadReader::HeadReader;
};

ResponseParser::ResponseParser(HeadLimits limits) : limits_(limits) {}
ResponseParser::~ResponseParser() = default;

std::expected<FeedResult, Error> ResponseParser::feed(std::string_view bytes) {
  if (!impl_) impl_ = std::make_unique<Impl>(SectionKind::kResponseHead, limits_);
  return feed_head(*impl_, bytes, limits_, head_.headers(), [this] { return fill(head_, *impl_); });
}

bool ResponseParser::has_started() const {
  return impl_ && impl_->has_started();
}

void ResponseParser::reset() {
  head_.clear();
  if (impl_) impl_->start(limits_);
}

void ResponseParser::release() {
  head_.clear();
  head_.headers().release();
  impl_.reset();
}

}  // namespace ingress::http
