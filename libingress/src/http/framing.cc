#include "http/framing.h"

#include <array>
#include <limits>

#include "base/text.h"

namespace ingress::http {
namespace {

// What a head has said about its body so far. Each field that speaks of it is a step of the table below; so
// is the end of the head, in the column of the message that it is.
enum class State : std::uint8_t {
  kNothing,
  kLength,
  kChunked,
  kUnknownCoding,  // one coding that we do not know
  kBadLength,
  kTwoLengths,
  kBadCoding,
  kLengthAndCoding,
};
constexpr std::size_t kNumStates = 8;

enum class Step : std::uint8_t {
  kLengthField,     // digits alone, that fit
  kBadLengthField,  // anything else
  kLengthListField,
  kChunkedField,
  kUnknownField,    // another token than "chunked" and "identity"
  kBadCodingField,  // no token: a list, a parameter, nothing; "identity"
  // The head ends. Bodiless: an answer to HEAD, or one of status 1xx, 204 or 304.
  kRequest10,
  kRequest11,
  kResponse10,
  kResponse11,
  kBodiless10,
  kBodiless11,
};
constexpr std::size_t kNumFieldSteps = 6;
constexpr std::size_t kNumEndSteps = 6;

enum class Outcome : std::uint8_t {
  kNone,
  kLength,
  kChunked,
  kUntilClose,
  kTwoLengths,
  kBadLength,
  kLengthAndChunked,
  kChunkedHttp10,
  kBadCoding,
  kUnknownCoding,
};

struct Row {
  std::array<State, kNumFieldSteps> next;
  std::array<Outcome, kNumEndSteps> end;
};

// RFC 9112 6.1 and 6.3, made strict. Every field leads on to a state that is worse, or stays: their order
// does not matter. HTTP/1.0 has no transfer codings; who ignores one there sees another body than who does
// not.
using S = State;
using O = Outcome;
// clang-format off
constexpr std::array<Row, kNumStates> kTable = {{
    // field: length          bad length           list of lengths      chunked              unknown coding       bad coding
    // end: request 1.0       request 1.1          response 1.0         response 1.1         bodiless 1.0         bodiless 1.1
    /* nothing */
    {{S::kLength,             S::kBadLength,       S::kTwoLengths,      S::kChunked,         S::kUnknownCoding,   S::kBadCoding},
     {O::kNone,               O::kNone,            O::kUntilClose,      O::kUntilClose,      O::kNone,            O::kNone}},
    /* length: a second one is refused also when it is equal, since the next server may know only one of them */
    {{S::kTwoLengths,         S::kTwoLengths,      S::kTwoLengths,      S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding},
     {O::kLength,             O::kLength,          O::kLength,          O::kLength,          O::kNone,            O::kNone}},
    /* chunked */
    {{S::kLengthAndCoding,    S::kLengthAndCoding, S::kLengthAndCoding, S::kBadCoding,       S::kBadCoding,       S::kBadCoding},
     {O::kChunkedHttp10,      O::kChunked,         O::kChunkedHttp10,   O::kChunked,         O::kChunkedHttp10,   O::kNone}},
    /* unknown coding */
    {{S::kLengthAndCoding,    S::kLengthAndCoding, S::kLengthAndCoding, S::kBadCoding,       S::kBadCoding,       S::kBadCoding},
     {O::kChunkedHttp10,      O::kUnknownCoding,   O::kChunkedHttp10,   O::kUnknownCoding,   O::kChunkedHttp10,   O::kUnknownCoding}},
    /* bad length */
    {{S::kTwoLengths,         S::kTwoLengths,      S::kTwoLengths,      S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding},
     {O::kBadLength,          O::kBadLength,       O::kBadLength,       O::kBadLength,       O::kBadLength,       O::kBadLength}},
    /* two lengths */
    {{S::kTwoLengths,         S::kTwoLengths,      S::kTwoLengths,      S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding},
     {O::kTwoLengths,         O::kTwoLengths,      O::kTwoLengths,      O::kTwoLengths,      O::kTwoLengths,      O::kTwoLengths}},
    /* bad coding */
    {{S::kLengthAndCoding,    S::kLengthAndCoding, S::kLengthAndCoding, S::kBadCoding,       S::kBadCoding,       S::kBadCoding},
     {O::kChunkedHttp10,      O::kBadCoding,       O::kChunkedHttp10,   O::kBadCoding,       O::kChunkedHttp10,   O::kBadCoding}},
    /* length and coding */
    {{S::kLengthAndCoding,    S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding, S::kLengthAndCoding},
     {O::kLengthAndChunked,   O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked}},
}};
// clang-format on

constexpr State advance(State state, Step field) {
  return kTable[static_cast<std::size_t>(state)].next[static_cast<std::size_t>(field)];
}

constexpr Outcome finish(State state, Step end) {
  return kTable[static_cast<std::size_t>(state)].end[static_cast<std::size_t>(end) - kNumFieldSteps];
}

// Beyond int64 a length is nonsense, and signed arithmetic somewhere would turn it around.
std::optional<std::uint64_t> parse_length(std::string_view value) {
  const auto length = base::parse_decimal<std::uint64_t>(value);
  if (!length || *length > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return length;
}

Step coding_step(std::string_view value) {
  if (base::equals_ignore_case(value, "chunked")) return Step::kChunkedField;
  const bool is_other = base::is_token(value) && !base::equals_ignore_case(value, "identity");
  return is_other ? Step::kUnknownField : Step::kBadCodingField;
}

struct Seen {
  State state = State::kNothing;
  std::uint64_t length = 0;  // in kLength
};

void take_length(Seen& seen, std::string_view value) {
  if (const auto length = parse_length(value)) {
    seen.state = advance(seen.state, Step::kLengthField);
    seen.length = *length;
    return;
  }
  const bool is_list = value.find(',') != value.npos;
  seen.state = advance(seen.state, is_list ? Step::kLengthListField : Step::kBadLengthField);
  seen.length = 0;
}

Seen look_at(const Headers& headers) {
  Seen seen;
  const bool has_coding = headers.has(HeaderId::kTransferEncoding);
  if (!has_coding && !headers.may_repeat(HeaderId::kContentLength)) {
    if (const auto value = headers.get(HeaderId::kContentLength)) take_length(seen, *value);
    return seen;
  }
  for (const HeaderField& field : headers) {
    if (field.id == HeaderId::kContentLength) take_length(seen, field.value);
    if (field.id == HeaderId::kTransferEncoding) seen.state = advance(seen.state, coding_step(field.value));
  }
  return seen;
}

const char* to_what(Outcome outcome) {
  switch (outcome) {
    case Outcome::kTwoLengths:
      return "two_content_lengths";
    case Outcome::kBadLength:
      return "bad_content_length";
    case Outcome::kLengthAndChunked:
      return "length_and_chunked";
    case Outcome::kChunkedHttp10:
      return "chunked_http10";
    case Outcome::kUnknownCoding:
      return "unknown_transfer_coding";
    default:
      return "bad_transfer_encoding";
  }
}

std::expected<BodyFraming, Error> to_framing(const Headers& headers, Step end, ErrorSide side) {
  const Seen seen = look_at(headers);
  const Outcome outcome = finish(seen.state, end);
  switch (outcome) {
    case Outcome::kNone:
      return BodyFraming{BodyKind::kNone, 0};
    case Outcome::kLength:
      return BodyFraming{BodyKind::kLength, seen.length};
    case Outcome::kChunked:
      return BodyFraming{BodyKind::kChunked, 0};
    case Outcome::kUntilClose:
      return BodyFraming{BodyKind::kUntilClose, 0};
    default:
      break;
  }
  ErrorCode code = ErrorCode::kBadResponse;
  if (side == ErrorSide::kDownstream) {
    code = outcome == Outcome::kUnknownCoding ? ErrorCode::kTransferCodingUnknown : ErrorCode::kBadRequest;
  }
  return std::unexpected(Error{.code = code, .side = side, .what = to_what(outcome)});
}

bool is_bodiless(std::uint16_t status, std::string_view request_method) {
  return status < 200 || status == 204 || status == 304 || request_method == "HEAD";
}

}  // namespace

std::expected<BodyFraming, Error> request_framing(const RequestHead& head) {
  const Step end = head.version() == HttpVersion::kHttp10 ? Step::kRequest10 : Step::kRequest11;
  return to_framing(head.headers(), end, ErrorSide::kDownstream);
}

std::expected<BodyFraming, Error> response_framing(const ResponseHead& head,
                                                   std::string_view request_method) {
  const bool is_http10 = head.version() == HttpVersion::kHttp10;
  const Step end = is_bodiless(head.status(), request_method)
                       ? (is_http10 ? Step::kBodiless10 : Step::kBodiless11)
                       : (is_http10 ? Step::kResponse10 : Step::kResponse11);
  return to_framing(head.headers(), end, ErrorSide::kUpstream);
}

std::optional<std::uint64_t> content_length(const Headers& headers) {
  const Seen seen = look_at(headers);
  if (seen.state != State::kLength) return std::nullopt;
  return seen.length;
}

bool is_keep_alive(const Headers& headers, HttpVersion version) {
  bool has_keep_alive = false;
  if (!headers.has(HeaderId::kConnection)) return version == HttpVersion::kHttp11;
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    if (field.value == "keep-alive") {  // mostly that, and no more
      if (!headers.may_repeat(HeaderId::kConnection)) return true;
      has_keep_alive = true;
      continue;
    }
    std::string_view rest = field.value;
    while (const auto option = base::next_list_token(rest)) {
      if (base::equals_ignore_case(*option, "close")) return false;
      if (base::equals_ignore_case(*option, "keep-alive")) has_keep_alive = true;
    }
  }
  return version == HttpVersion::kHttp11 || has_keep_alive;
}

std::optional<std::chrono::seconds> keep_alive_timeout(const Headers& headers) {
  const auto value = headers.get(HeaderId::kKeepAlive);
  if (!value) return std::nullopt;
  constexpr std::string_view kName = "timeout=";
  std::string_view rest = *value;
  while (const auto parameter = base::next_list_element(rest)) {
    if (!base::equals_ignore_case(parameter->substr(0, kName.size()), kName)) continue;
    const auto seconds = base::parse_decimal<std::uint32_t>(parameter->substr(kName.size()));
    if (seconds) return std::chrono::seconds(*seconds);
  }
  return std::nullopt;
}

std::expected<bool, Error> expects_continue(const RequestHead& head) {
  bool is_expected = false;
  if (head.version() == HttpVersion::kHttp10 || !head.headers().has(HeaderId::kExpect)) return false;
  for (const HeaderField& field : head.headers()) {
    if (field.id != HeaderId::kExpect) continue;
    if (!base::equals_ignore_case(field.value, "100-continue")) {
      return std::unexpected(Error{.code = ErrorCode::kExpectationFailed,
                                   .side = ErrorSide::kDownstream,
                                   .what = "unknown_expectation"});
    }
    is_expected = true;
  }
  return is_expected;
}

}  // namespace ingress::http
