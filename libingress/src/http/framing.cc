#include "http/framing.h"

#include <array>
#include <limits>

#include "base/text.h"

namespace ingress::http {
namespace {

// What the fields of a head say about its length.
enum class LengthSeen : std::uint8_t { kNone, kValid, kInvalid, kSeveral };
enum class CodingSeen : std::uint8_t {
  kNone,
  kChunked,
  kUnknown,  // one coding that we do not know
  kInvalid,  // no token, a list, "identity", or several fields
};

// What follows from it; kNoField is read differently in requests and responses.
enum class Outcome : std::uint8_t {
  kNoField,
  kLength,
  kChunked,
  kTwoLengths,
  kBadLength,
  kLengthAndChunked,
  kChunkedHttp10,
  kBadCoding,
  kUnknownCoding,
};

// The decision (RFC 9112 6.1 and 6.3), made strict: [coding][length] for HTTP/1.1. HTTP/1.0 has no
// transfer codings; a server that ignores one there sees another body than a server that does not.
using O = Outcome;
constexpr std::array<std::array<Outcome, 4>, 4> kDecisions = {{
    // length: none          valid                 invalid               several
    {{O::kNoField, O::kLength, O::kBadLength, O::kTwoLengths}},                               // none
    {{O::kChunked, O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked}},        // chunked
    {{O::kUnknownCoding, O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked}},  // unknown
    {{O::kBadCoding, O::kLengthAndChunked, O::kLengthAndChunked, O::kLengthAndChunked}},      // invalid
}};

struct Seen {
  LengthSeen length = LengthSeen::kNone;
  CodingSeen coding = CodingSeen::kNone;
  std::uint64_t length_bytes = 0;
};

// Beyond int64 a length is nonsense, and signed arithmetic somewhere would turn it around.
std::optional<std::uint64_t> parse_length(std::string_view value) {
  const auto length = base::parse_decimal<std::uint64_t>(value);
  if (!length || *length > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return length;
}

void see_length(Seen& seen, std::string_view value) {
  if (seen.length != LengthSeen::kNone) {
    seen.length = LengthSeen::kSeveral;  // equal ones too: the next server may know only one of them
    return;
  }
  if (value.find(',') != value.npos) {
    seen.length = LengthSeen::kSeveral;
  } else if (const auto length = parse_length(value)) {
    seen.length = LengthSeen::kValid;
    seen.length_bytes = *length;
  } else {
    seen.length = LengthSeen::kInvalid;
  }
}

void see_coding(Seen& seen, std::string_view value) {
  if (seen.coding != CodingSeen::kNone || !base::is_token(value) ||
      base::equals_ignore_case(value, "identity")) {
    seen.coding = CodingSeen::kInvalid;
  } else {
    seen.coding = base::equals_ignore_case(value, "chunked") ? CodingSeen::kChunked : CodingSeen::kUnknown;
  }
}

Seen look_at(const Headers& headers) {
  Seen seen;
  for (const HeaderField& field : headers) {
    if (field.id == HeaderId::kContentLength) see_length(seen, field.value);
    if (field.id == HeaderId::kTransferEncoding) see_coding(seen, field.value);
  }
  return seen;
}

Outcome decide(const Seen& seen, HttpVersion version) {
  const Outcome outcome =
      kDecisions[static_cast<std::size_t>(seen.coding)][static_cast<std::size_t>(seen.length)];
  const bool has_only_coding = seen.coding != CodingSeen::kNone && seen.length == LengthSeen::kNone;
  return has_only_coding && version == HttpVersion::kHttp10 ? Outcome::kChunkedHttp10 : outcome;
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

std::expected<BodyFraming, Error> to_framing(const Seen& seen, HttpVersion version, BodyKind without_field,
                                             ErrorSide side) {
  const Outcome outcome = decide(seen, version);
  switch (outcome) {
    case Outcome::kNoField:
      return BodyFraming{without_field, 0};
    case Outcome::kLength:
      return BodyFraming{BodyKind::kLength, seen.length_bytes};
    case Outcome::kChunked:
      return BodyFraming{BodyKind::kChunked, 0};
    default:
      break;
  }
  ErrorCode code = ErrorCode::kBadResponse;
  if (side == ErrorSide::kDownstream) {
    code = outcome == Outcome::kUnknownCoding ? ErrorCode::kTransferCodingUnknown : ErrorCode::kBadRequest;
  }
  return std::unexpected(Error{.code = code, .side = side, .what = to_what(outcome)});
}

bool has_no_body(std::uint16_t status, std::string_view request_method) {
  return status < 200 || status == 204 || status == 304 || request_method == "HEAD";
}

}  // namespace

std::expected<BodyFraming, Error> request_framing(const RequestHead& head) {
  return to_framing(look_at(head.headers()), head.version(), BodyKind::kNone, ErrorSide::kDownstream);
}

std::expected<BodyFraming, Error> response_framing(const ResponseHead& head,
                                                   std::string_view request_method) {
  auto framing =
      to_framing(look_at(head.headers()), head.version(), BodyKind::kUntilClose, ErrorSide::kUpstream);
  if (framing && has_no_body(head.status(), request_method)) *framing = {};
  return framing;
}

std::optional<std::uint64_t> content_length(const Headers& headers) {
  const Seen seen = look_at(headers);
  if (seen.length != LengthSeen::kValid) return std::nullopt;
  return seen.length_bytes;
}

bool is_keep_alive(const Headers& headers, HttpVersion version) {
  bool has_keep_alive = false;
  for (const HeaderField& field : headers) {
    if (field.id != HeaderId::kConnection) continue;
    std::string_view rest = field.value;
    while (const auto option = base::next_list_element(rest)) {
      if (base::equals_ignore_case(*option, "close")) return false;
      if (base::equals_ignore_case(*option, "keep-alive")) has_keep_alive = true;
    }
  }
  return version == HttpVersion::kHttp11 || has_keep_alive;
}

std::expected<bool, Error> expects_continue(const RequestHead& head) {
  bool is_expected = false;
  if (head.version() == HttpVersion::kHttp10) return false;
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
