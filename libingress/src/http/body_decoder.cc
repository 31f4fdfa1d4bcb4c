#include "http/body_decoder.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "http/chars.h"

namespace ingress::http {
namespace {

constexpr std::size_t kMaxTrailers = 100;
// Sixteen digits are 64 bits; what is longer is not a number of bytes but a try.
constexpr std::uint8_t kMaxSizeDigits = 16;

// Fields that must not arrive behind the body they would have spoken about (RFC 9110 6.5.1), beside
// those with an id: framing, routing, request modifiers, authentication, controls, content.
constexpr std::array<std::string_view, 25> kNotInTrailers = {"accept-encoding",
                                                             "age",
                                                             "authorization",
                                                             "cache-control",
                                                             "content-encoding",
                                                             "content-range",
                                                             "cookie",
                                                             "expires",
                                                             "if-match",
                                                             "if-modified-since",
                                                             "if-none-match",
                                                             "if-range",
                                                             "if-unmodified-since",
                                                             "location",
                                                             "max-forwards",
                                                             "pragma",
                                                             "range",
                                                             "retry-after",
                                                             "set-cookie",
                                                             "vary",
                                                             "warning",
                                                             "www-authenticate",
                                                             "x-real-ip",
                                                             "authentication-info",
                                                             "http2-settings"};

}  // namespace

bool may_be_trailer(std::string_view name) {
  return to_header_id(name) == HeaderId::kOther &&
         std::ranges::none_of(kNotInTrailers, [name](std::string_view known) {
           return base::equals_ignore_case(known, name);
         });
}

void BodyDecoder::start(BodyFraming framing, ErrorCode error_code, std::uint64_t max_body_bytes,
                        std::size_t max_trailer_bytes) {
  error_code_ = error_code;
  max_body_bytes_ = max_body_bytes;
  remaining_ = body_bytes_ = 0;
  extension_bytes_ = 0;
  num_size_digits_ = 0;
  trailer_text_.clear();
  trailers_.clear();
  switch (framing.kind) {
    case BodyKind::kNone:
      state_ = State::kEnd;
      break;
    case BodyKind::kLength:
      state_ = framing.length == 0 ? State::kEnd : State::kLength;
      remaining_ = framing.length;
      if (max_body_bytes != 0 && framing.length > max_body_bytes) {
        fail(nullptr, "body_too_large", ErrorCode::kBodyTooLarge);
      }
      break;
    case BodyKind::kChunked:
      state_ = State::kChunkSize;
      trailer_scanner_.start(SectionKind::kTrailers,
                             {.section_bytes = max_trailer_bytes, .max_fields = kMaxTrailers});
      break;
    case BodyKind::kUntilClose:
      state_ = State::kUntilClose;
      remaining_ = std::numeric_limits<std::uint64_t>::max();
      break;
  }
}

std::expected<BodyStep, Error> BodyDecoder::next(std::string_view bytes) {
  BodyStep step;
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* p = begin;
  while (state_ != State::kEnd && state_ != State::kFailed && p != end) {
    if (!is_data_state()) {
      p = take_framing(p, end);
    } else if (step.piece_size == 0) {
      p = take_data(p, end, begin, step);
    } else {
      break;  // one piece at a time; the framing behind it has been taken already
    }
  }
  // A piece found before the mistake is handed out first, so that cuts change nothing.
  if (state_ == State::kFailed && step.piece_size == 0) return std::unexpected(error_);
  step.consumed = static_cast<std::size_t>(p - begin);
  step.is_end = state_ == State::kEnd;
  return step;
}

const char* BodyDecoder::take_data(const char* p, const char* end, const char* begin, BodyStep& step) {
  std::uint64_t size = std::min<std::uint64_t>(remaining_, static_cast<std::uint64_t>(end - p));
  if (max_body_bytes_ != 0) size = std::min(size, max_body_bytes_ - body_bytes_);
  if (size == 0) return fail(p, "body_too_large", ErrorCode::kBodyTooLarge);
  step.piece_offset = static_cast<std::size_t>(p - begin);
  step.piece_size = static_cast<std::size_t>(size);
  remaining_ -= size;
  body_bytes_ += size;
  if (remaining_ == 0) state_ = state_ == State::kChunkData ? State::kChunkDataCr : State::kEnd;
  return p + size;
}

const char* BodyDecoder::take_framing(const char* p, const char* end) {
  switch (state_) {
    case State::kChunkSize:
      return take_chunk_size(p, end);
    case State::kChunkExtension:
      return take_extension(p, end);
    case State::kChunkSizeLf:
      return *p == '\n' ? begin_chunk(p) : fail(p, "bad_chunk_size", error_code_);
    case State::kChunkDataCr:
      return take_byte(p, '\r', State::kChunkDataLf, "bad_chunk_end");
    case State::kChunkDataLf:
      return take_byte(p, '\n', State::kChunkSize, "bad_chunk_end");
    default:
      return take_trailers(p, end);
  }
}

const char* BodyDecoder::take_chunk_size(const char* p, const char* end) {
  for (; p != end; ++p) {
    const int digit = hex_value(*p);
    if (digit < 0) break;
    if (++num_size_digits_ > kMaxSizeDigits) return fail(p, "bad_chunk_size", error_code_);
    remaining_ = remaining_ * 16 + static_cast<unsigned>(digit);
  }
  if (p == end) return p;
  if (num_size_digits_ == 0 || (*p != '\r' && *p != ';') ||
      remaining_ > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail(p, "bad_chunk_size", error_code_);
  }
  state_ = *p == ';' ? State::kChunkExtension : State::kChunkSizeLf;
  return p + 1;
}

// Extensions are dropped, so only their bytes are checked: a bare LF ends the line for some readers.
const char* BodyDecoder::take_extension(const char* p, const char* end) {
  const char* const stop = skip_field_text(p, end);
  extension_bytes_ += static_cast<std::size_t>(stop - p);
  if (extension_bytes_ > kMaxExtensionBytes) return fail(p, "chunk_extensions_too_large", error_code_);
  if (stop == end) return stop;
  if (*stop != '\r') return fail(stop, "bad_chunk_extension", error_code_);
  state_ = State::kChunkSizeLf;
  return stop + 1;
}

const char* BodyDecoder::take_byte(const char* p, char wanted, State next, const char* what) {
  if (*p != wanted) return fail(p, what, error_code_);
  state_ = next;
  return p + 1;
}

// The LF at `p` completes a size line: data of that size follows, or the trailers.
const char* BodyDecoder::begin_chunk(const char* p) {
  num_size_digits_ = 0;
  if (remaining_ == 0) {
    state_ = State::kTrailers;
  } else if (max_body_bytes_ != 0 && remaining_ > max_body_bytes_ - body_bytes_) {
    return fail(p, "body_too_large", ErrorCode::kBodyTooLarge);
  } else {
    state_ = State::kChunkData;
  }
  return p + 1;
}

const char* BodyDecoder::take_trailers(const char* p, const char* end) {
  const std::string_view bytes(p, static_cast<std::size_t>(end - p));
  const HeadScanner::Step step = trailer_scanner_.scan(bytes);
  if (step.outcome == HeadScanner::Outcome::kRefused) {
    const bool is_too_large = trailer_scanner_.code() == ErrorCode::kHeadTooLarge;
    return fail(p, is_too_large ? "trailers_too_large" : "bad_trailer", error_code_);
  }
  trailer_text_.append(bytes.substr(0, step.taken));
  if (step.outcome == HeadScanner::Outcome::kDone) {
    keep_trailers();
    state_ = State::kEnd;
  }
  return p + step.taken;
}

void BodyDecoder::keep_trailers() {
  const std::string_view text = trailer_text_;
  for (const FieldSpan& field : trailer_scanner_.fields()) {
    const std::string_view name = text.substr(field.name, field.name_end - field.name);
    if (!may_be_trailer(name)) continue;
    trailers_.add(name, base::trim_ows(text.substr(field.value, field.value_end - field.value)));
  }
  // Trailers are rare: a connection that had some does not keep room for more.
  trailer_text_ = std::string();
  trailer_scanner_.release();
}

bool BodyDecoder::end_of_input() {
  if (state_ == State::kUntilClose) state_ = State::kEnd;
  return state_ == State::kEnd;
}

const char* BodyDecoder::fail(const char* p, const char* what, ErrorCode code) {
  state_ = State::kFailed;
  error_ = {.code = code,
            .side = error_code_ == ErrorCode::kBadResponse ? ErrorSide::kUpstream : ErrorSide::kDownstream,
            .what = what};
  return p;
}

}  // namespace ingress::http
