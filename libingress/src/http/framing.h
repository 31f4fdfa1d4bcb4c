// How long a message's body is, and which messages are refused for saying it ambiguously.
//
// One transition table decides for both directions, RFC 9112 6.3, strict: what the RFC lets a server guess is
// an error here, because the next server may guess otherwise (request smuggling).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

enum class BodyKind : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

struct BodyFraming {
  BodyKind kind = BodyKind::kNone;
  std::uint64_t length = 0;  // of kLength
  friend bool operator==(const BodyFraming&, const BodyFraming&) = default;
};

// kBadRequest with what = "two_content_lengths", "bad_content_length", "length_and_chunked",
// "chunked_http10", "bad_transfer_encoding"; kTransferCodingUnknown ("unknown_transfer_coding") for one
// coding that we do not know.
// A request without either header has no body, also in HTTP/1.0.
std::expected<BodyFraming, Error> request_framing(const RequestHead& head);

// kBadResponse with the same reasons. `request_method` and the status decide for HEAD, 1xx, 204, 304.
std::expected<BodyFraming, Error> response_framing(const ResponseHead& head, std::string_view request_method);

// The number of a single valid Content-Length; for repeating what a backend said about a body that it
// does not send (HEAD, 304).
std::optional<std::uint64_t> content_length(const Headers& headers);

// Whether the sender of this head lets its connection live on (RFC 9112 9.3).
bool is_keep_alive(const Headers& headers, HttpVersion version);

// How long the sender says that it keeps the connection without a request: "timeout" of Keep-Alive, in
// seconds (RFC 2068 19.7.1.1). Nothing when it does not say.
std::optional<std::chrono::seconds> keep_alive_timeout(const Headers& headers);

// Whether the request carries "Expect: 100-continue"; kExpectationFailed for anything else. HTTP/1.0
// never expects (RFC 9110 10.1.1).
std::expected<bool, Error> expects_continue(const RequestHead& head);

}  // namespace ingress::http
