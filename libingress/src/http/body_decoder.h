// Takes the body of one HTTP/1.1 message out of the bytes of a connection.
//
// Owner: a connection. Thread: its worker's. No I/O, no copy: a piece is a range of the bytes fed.
// Chunked coding is read strictly (RFC 9112 7.1): CRLF only, hex digits only, at most 16 KB of extensions
// per body (dropped), trailer section within `max_trailer_bytes`.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "http/framing.h"
#include "http/head_scanner.h"
#include "ingress/error.h"
#include "ingress/message.h"

namespace ingress::http {

struct BodyStep {
  std::size_t consumed = 0;      // bytes taken of what was fed
  std::size_t piece_offset = 0;  // body bytes among them: [piece_offset, piece_offset + piece_size)
  std::size_t piece_size = 0;
  bool is_end = false;  // the body is complete; following bytes belong to the next message
};

// Whether a field may stand behind a body and be forwarded from there (RFC 9110 6.5.1): not those about
// framing, routing, authentication and forwarding, nor any other that the library knows. Any case.
bool may_be_trailer(std::string_view name);

class BodyDecoder {
 public:
  static constexpr std::size_t kMaxExtensionBytes = 16 * 1024;

  // `error_code` is kBadRequest or kBadResponse; `max_body_bytes` 0 = no limit, beyond it
  // kBodyTooLarge.
  void start(BodyFraming framing, ErrorCode error_code, std::uint64_t max_body_bytes,
             std::size_t max_trailer_bytes = 16 * 1024);
  // Takes the next piece from the front of `bytes`; call again with the rest while consumed > 0 and
  // not is_end. With kNone or length 0 the end is told without a byte. Errors are sticky; what =
  // "bad_chunk_size", "bad_chunk_extension", "bad_chunk_end", "chunk_extensions_too_large", "bad_trailer",
  // "trailers_too_large", "body_too_large".
  std::expected<BodyStep, Error> next(std::string_view bytes);
  // The peer closed. True when that is a proper end (kUntilClose, or already ended).
  bool end_of_input();
  bool is_end() const { return state_ == State::kEnd; }
  std::uint64_t body_bytes() const { return body_bytes_; }
  // Trailer fields that may be forwarded: without framing, routing, authentication and forwarding
  // fields (RFC 9110 6.5.1). Copied; valid after the end until start().
  const Headers& trailers() const { return trailers_; }

 private:
  enum class State : std::uint8_t {
    kLength,
    kUntilClose,
    kChunkSize,
    kChunkExtension,
    kChunkSizeLf,
    kChunkData,
    kChunkDataCr,
    kChunkDataLf,
    kTrailers,
    kEnd,
    kFailed,
  };

  // Each takes what it can of [p, end) and returns where it stopped.
  const char* take_data(const char* p, const char* end, const char* begin, BodyStep& step);
  const char* take_framing(const char* p, const char* end);
  const char* take_chunk_size(const char* p, const char* end);
  const char* take_extension(const char* p, const char* end);
  const char* take_byte(const char* p, char wanted, State next, const char* what);
  const char* take_trailers(const char* p, const char* end);
  const char* begin_chunk(const char* p);
  void keep_trailers();
  const char* fail(const char* p, const char* what, ErrorCode code);
  bool is_data_state() const {
    return state_ == State::kLength || state_ == State::kUntilClose || state_ == State::kChunkData;
  }

  State state_ = State::kEnd;
  ErrorCode error_code_ = ErrorCode::kBadRequest;
  std::uint8_t num_size_digits_ = 0;
  std::uint64_t remaining_ = 0;  // of the length or of the chunk; while its size is read, the size so far
  std::uint64_t body_bytes_ = 0;
  std::uint64_t max_body_bytes_ = 0;  // 0 = no limit
  std::size_t extension_bytes_ = 0;
  Error error_;
  HeadScanner trailer_scanner_;
  std::string trailer_text_;
  Headers trailers_;
};

}  // namespace ingress::http
