// Chunked bodies. The first two bytes say how the rest is cut.
//
// Asserted: cutting changes nothing, neither the bytes handed out nor where the message ends; a body
// that was decoded, encoded again, decodes to the same body and trailers.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "http/body_decoder.h"
#include "http/h1_writer.h"

using namespace ingress;
using namespace ingress::http;

namespace {

constexpr std::uint64_t kMaxBodyBytes = 8 * 1024;
constexpr std::size_t kMaxTrailerBytes = 16 * 1024;
// "name:value" is written "name: value": what was just short enough to be read may be longer by a byte a
// field.
constexpr std::size_t kMaxRewrittenTrailerBytes = kMaxTrailerBytes + 100;

void require(bool is_true) {
  if (!is_true) std::abort();
}

struct Decoded {
  std::string body;
  std::string outcome;  // "more", "end", or why it was refused
  std::string trailers;
  std::size_t consumed = 0;  // of a refused body: not compared, the mistake may be part of a larger step
  friend bool operator==(const Decoded&, const Decoded&) = default;
};

// `seed` 0: whole.
Decoded decode(BodyDecoder& decoder, std::string_view text, std::uint32_t seed,
               std::size_t max_trailer_bytes = kMaxTrailerBytes) {
  Decoded out;
  decoder.start({BodyKind::kChunked, 0}, ErrorCode::kBadRequest, kMaxBodyBytes, max_trailer_bytes);
  std::size_t fed = 0;
  while (fed < text.size() || text.empty()) {
    const std::uint32_t random = seed = seed * 1664525u + 1013904223u * (seed != 0);
    std::string_view piece = text.substr(fed, random == 0 ? text.size() : 1 + (random >> 27));
    fed += piece.size();
    do {
      const auto step = decoder.next(piece);
      if (!step) {
        out.outcome = step.error().what;
        out.consumed = 0;
        return out;
      }
      require(step->consumed <= piece.size() && step->piece_offset + step->piece_size <= step->consumed);
      out.body.append(piece.substr(step->piece_offset, step->piece_size));
      out.consumed += step->consumed;
      piece.remove_prefix(step->consumed);
      require(decoder.body_bytes() == out.body.size() && out.body.size() <= kMaxBodyBytes);
      if (step->is_end) {
        out.outcome = "end";
        for (const HeaderField& field : decoder.trailers()) {
          out.trailers.append(field.name).append("=").append(field.value).append("\n");
        }
        return out;
      }
      require(step->consumed > 0 || piece.empty());
    } while (!piece.empty());
    if (text.empty()) break;
  }
  out.outcome = "more";
  return out;
}

void check_encoded_again(const Decoded& expected, const BodyDecoder& decoder, std::size_t chunk_bytes) {
  base::BufferPool pool;
  base::Chain chain;
  for (std::size_t at = 0; at < expected.body.size(); at += chunk_bytes) {
    base::Chain piece;
    piece.append_copy(std::string_view(expected.body).substr(at, chunk_bytes), pool);
    write_chunk(chain, pool, std::move(piece));
  }
  write_last_chunk(chain, pool, decoder.trailers());
  const std::string text = chain.to_string();
  BodyDecoder again;
  Decoded got = decode(again, text, 0, kMaxRewrittenTrailerBytes);
  require(got.consumed == text.size());
  got.consumed = expected.consumed;
  require(got == expected);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
  if (size_bytes < 2) return 0;
  const std::uint32_t seed = data[0] * 256u + data[1] + 1;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size_bytes - 2);
  BodyDecoder whole;
  const Decoded expected = decode(whole, text, 0);
  BodyDecoder cut;
  require(decode(cut, text, seed) == expected);
  if (expected.outcome == "end") check_encoded_again(expected, whole, 1 + seed % 300);
  return 0;
}
