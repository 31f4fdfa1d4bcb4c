#include "http/head_scanner.h"

#include <algorithm>

#include "http/chars.h"

namespace ingress::http {
namespace {

// RFC 9112 2.2 lets a server skip at least one empty line before a request line.
constexpr unsigned kMaxEmptyLines = 2;
constexpr std::string_view kVersionPrefix = "HTTP/";
constexpr std::uint8_t kVersionBytes = 8;
constexpr std::uint8_t kStatusDigits = 3;
constexpr std::size_t kUsualFields = 16;  // room for these is made at once

}  // namespace

void HeadScanner::start(SectionKind kind, ScanLimits limits) {
  switch (kind) {
    case SectionKind::kRequestHead:
      state_ = State::kEmptyLine;
      break;
    case SectionKind::kResponseHead:
      state_ = State::kVersion;
      break;
    case SectionKind::kTrailers:
      state_ = State::kFieldStart;
      break;
  }
  kind_ = kind;
  what_ = "";
  num_empty_lines_ = matched_ = 0;
  offset_ = 0;
  set_limits(limits);
  line_ = {};
  fields_.clear();
}

void HeadScanner::set_limits(ScanLimits limits) {
  if (has_started()) return;
  limits_ = limits;
  if (kind_ != SectionKind::kRequestHead) limits_.line_bytes = limits.section_bytes;
}

HeadScanner::Step HeadScanner::scan(std::string_view bytes) {
  const char* const first = bytes.data();
  const char* const end = first + bytes.size();
  const char* p = first;
  if (state_ == State::kEmptyLine || state_ == State::kEmptyLineLf) p = skip_empty_lines(p, end);
  const std::size_t skipped = static_cast<std::size_t>(p - first);
  begin_ = p;
  const std::size_t allowed = limits_.section_bytes - offset_;
  const char* const stop = static_cast<std::size_t>(end - p) > allowed ? p + allowed : end;
  if (is_in_start_line()) p = scan_start_line(p, stop);
  if (state_ >= State::kFieldStart) p = scan_fields(p, stop);
  if (p == stop && stop != end && state_ < State::kDone) {
    refuse(p, "head_too_large",
           is_in_start_line() && kind_ == SectionKind::kRequestHead ? ErrorCode::kUriTooLong
                                                                    : ErrorCode::kHeadTooLarge);
  }
  const std::size_t taken = static_cast<std::size_t>(p - begin_);
  offset_ += taken;
  if (state_ == State::kDone) return {Outcome::kDone, skipped, taken};
  return {state_ == State::kRefused ? Outcome::kRefused : Outcome::kMore, skipped, taken};
}

const char* HeadScanner::skip_empty_lines(const char* p, const char* end) {
  for (; p != end; ++p) {
    if (state_ == State::kEmptyLineLf) {
      if (*p != '\n') return refuse(p, "bare_cr");
      state_ = State::kEmptyLine;
    } else if (*p == '\r' && num_empty_lines_ < kMaxEmptyLines) {
      ++num_empty_lines_;
      state_ = State::kEmptyLineLf;
    } else {
      state_ = State::kMethod;
      return p;
    }
  }
  return p;
}

const char* HeadScanner::scan_start_line(const char* p, const char* end) {
  // One byte more than the line may have: its CR may stand there, anything else is too long.
  const std::size_t allowed = limits_.line_bytes + 1 - std::min(offset_, limits_.line_bytes + 1);
  const bool is_cut = static_cast<std::size_t>(end - p) > allowed;
  const char* const stop = is_cut ? p + allowed : end;
  while (p != stop && state_ < State::kStartLf) {
    switch (state_) {
      case State::kMethod:
        p = scan_method(p, stop);
        break;
      case State::kTarget:
        p = scan_target(p, stop);
        break;
      case State::kVersion:
        p = scan_version(p, stop);
        break;
      case State::kStatus:
        p = scan_status(p, stop);
        break;
      default:  // kReason
        p = skip_field_text(p, stop);
        if (p == stop) break;
        if (*p != '\r') return refuse_byte(p, "bad_status_line");
        line_.reason_end = offset32_of(p++);
        state_ = State::kStartLf;
        break;
    }
  }
  if (state_ < State::kStartLf && offset_of(p) > limits_.line_bytes) {
    return kind_ == SectionKind::kRequestHead ? refuse(p, "uri_too_long", ErrorCode::kUriTooLong)
                                              : refuse(p, "head_too_large", ErrorCode::kHeadTooLarge);
  }
  if (state_ != State::kStartLf || p == end) return p;
  if (*p != '\n') return refuse(p, "bare_cr");
  state_ = State::kFieldStart;
  return p + 1;
}

// Upper case only: a backend that takes "head" for HEAD answers without the body that we would wait
// for, and the next answer would be read as that body.
const char* HeadScanner::scan_method(const char* p, const char* end) {
  p = skip_class(p, end, kMethodChar);
  if (p == end) return p;
  if (*p != ' ' || offset_of(p) == 0) return refuse_byte(p, "bad_request_line");
  line_.method_end = offset32_of(p);
  line_.target = line_.method_end + 1;
  state_ = State::kTarget;
  return p + 1;
}

const char* HeadScanner::scan_target(const char* p, const char* end) {
  p = skip_vchars(p, end);
  if (p == end) return p;
  if (*p != ' ' || offset_of(p) == line_.target) {
    return refuse_byte(p, static_cast<unsigned char>(*p) >= 0x80 ? "bad_target" : "bad_request_line");
  }
  line_.target_end = offset32_of(p);
  state_ = State::kVersion;
  return p + 1;
}

const char* HeadScanner::scan_version(const char* p, const char* end) {
  const char* const what = kind_ == SectionKind::kRequestHead ? "bad_request_line" : "bad_status_line";
  for (; p != end && matched_ < kVersionBytes; ++p, ++matched_) {
    if (matched_ < kVersionPrefix.size() ? *p != kVersionPrefix[matched_]
                                         : (matched_ == 6 ? *p != '.' : *p < '0' || *p > '9')) {
      return refuse_byte(p, what);
    }
    (matched_ == 5 ? major_ : minor_) = *p;
  }
  if (p == end) return p;
  if (*p != (kind_ == SectionKind::kRequestHead ? '\r' : ' ')) return refuse_byte(p, what);
  if (major_ != '1' || minor_ > '1') return refuse(p, "bad_version", ErrorCode::kVersionNotSupported);
  line_.version = minor_ == '0' ? HttpVersion::kHttp10 : HttpVersion::kHttp11;
  matched_ = 0;
  state_ = kind_ == SectionKind::kRequestHead ? State::kStartLf : State::kStatus;
  return p + 1;
}

// Three digits, then a space and the reason. The space is left out by enough servers that have no
// reason to give; nothing hangs on it.
const char* HeadScanner::scan_status(const char* p, const char* end) {
  for (; p != end && matched_ < kStatusDigits; ++p, ++matched_) {
    if (*p < '0' || *p > '9') return refuse_byte(p, "bad_status_line");
    line_.status = static_cast<std::uint16_t>(line_.status * 10 + (*p - '0'));
  }
  if (p == end) return p;
  if (*p != ' ' && *p != '\r') return refuse_byte(p, "bad_status_line");
  if (line_.status < 100 || line_.status > 599) return refuse(p, "bad_status");
  line_.reason = line_.reason_end = offset32_of(p) + 1;
  state_ = *p == ' ' ? State::kReason : State::kStartLf;
  return p + 1;
}

const char* HeadScanner::scan_fields(const char* p, const char* end) {
  while (p != end && state_ < State::kDone) {
    switch (state_) {
      case State::kFieldStart:
        if (*p == '\r') {
          state_ = State::kEndLf;
          ++p;
          break;
        }
        // A line that starts with white space once continued the one before it; readers differ.
        if (*p == ' ' || *p == '\t') return refuse(p, "obs_fold");
        if (!is_in(*p, kTchar)) return refuse_byte(p, "bad_header_name");
        if (fields_.size() == limits_.max_fields) {
          return refuse(p, "too_many_headers", ErrorCode::kHeadTooLarge);
        }
        if (fields_.capacity() == 0) fields_.reserve(kUsualFields);
        field_.name = offset32_of(p);
        state_ = State::kName;
        [[fallthrough]];
      case State::kName:
        p = scan_name(p, end);
        break;
      case State::kValueStart:
      case State::kValue:
        p = scan_value(p, end);
        break;
      case State::kValueLf:
        if (*p != '\n') return refuse(p, "bare_cr");
        fields_.push_back(field_);
        state_ = State::kFieldStart;
        ++p;
        break;
      default:  // kEndLf
        if (*p != '\n') return refuse(p, "bare_cr");
        state_ = State::kDone;
        ++p;
        break;
    }
  }
  return p;
}

const char* HeadScanner::scan_name(const char* p, const char* end) {
  p = skip_class(p, end, kTchar);
  if (p == end) return p;
  if (*p == ' ' || *p == '\t') return refuse(p, "space_before_colon");
  if (*p != ':') return refuse_byte(p, "bad_header_name");
  field_.name_end = offset32_of(p);
  state_ = State::kValueStart;
  return p + 1;
}

const char* HeadScanner::scan_value(const char* p, const char* end) {
  if (state_ == State::kValueStart) {
    while (p != end && (*p == ' ' || *p == '\t')) ++p;
    if (p == end) return p;
    field_.value = offset32_of(p);
    state_ = State::kValue;
  }
  p = skip_field_text(p, end);
  if (p == end) return p;
  if (*p != '\r') return refuse_byte(p, "control_character");
  field_.value_end = offset32_of(p);
  state_ = State::kValueLf;
  return p + 1;
}

const char* HeadScanner::refuse(const char* p, const char* what, ErrorCode code) {
  state_ = State::kRefused;
  code_ = code;
  what_ = what;
  return p;
}

const char* HeadScanner::refuse_byte(const char* p, const char* otherwise) {
  if (*p == '\n') return refuse(p, "bare_lf");
  if (*p == '\r' || is_in(*p, kFieldText)) return refuse(p, otherwise);
  return refuse(p, "control_character");
}

}  // namespace ingress::http
