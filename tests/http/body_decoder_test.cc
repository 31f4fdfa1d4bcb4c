#include "http/body_decoder.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

constexpr BodyFraming kChunked{BodyKind::kChunked, 0};

struct Limits {
  std::uint64_t body_bytes = 0;
  std::size_t trailer_bytes = 16 * 1024;
};

// What came out of `pieces`: the body, how it ended and after how many bytes.
std::string decode(BodyDecoder& decoder, const std::vector<std::string>& pieces,
                   BodyFraming framing = kChunked, Limits limits = {}) {
  decoder.start(framing, ErrorCode::kBadRequest, limits.body_bytes, limits.trailer_bytes);
  std::string body;
  std::size_t consumed = 0;
  for (const std::string& piece : pieces) {
    std::string_view rest = piece;
    while (true) {
      const auto step = decoder.next(rest);
      if (!step) return "[" + body + "] refused: " + dump(step.error());
      body += rest.substr(step->piece_offset, step->piece_size);
      consumed += step->consumed;
      rest.remove_prefix(step->consumed);
      if (step->is_end) {
        return "[" + body + "] end after " + std::to_string(consumed) + "\n" + dump(decoder.trailers());
      }
      if (rest.empty()) break;
      if (step->consumed == 0) return "stuck";
    }
  }
  return "[" + body + "] more";
}

std::string find_cut_that_differs(const std::string& text, const std::string& expected,
                                  BodyFraming framing = kChunked, Limits limits = {}) {
  BodyDecoder decoder;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    const std::string got = decode(decoder, {text.substr(0, at), text.substr(at)}, framing, limits);
    if (got != expected) return "cut at " + std::to_string(at) + ": " + got;
  }
  std::vector<std::string> drops;
  for (const char c : text) drops.emplace_back(1, c);
  const std::string got = decode(decoder, drops, framing, limits);
  return got == expected || text.empty() ? "" : "byte by byte: " + got;
}

void check(const std::string& text, const std::string& expected, BodyFraming framing = kChunked,
           Limits limits = {}) {
  CAPTURE(text);
  BodyDecoder decoder;
  CHECK_EQ(decode(decoder, {text}, framing, limits), expected);
  CHECK_EQ(find_cut_that_differs(text, expected, framing, limits), "");
}

struct Row {
  const char* name;
  std::string text;
  std::string expected;
};

const Row kAccepted[] = {
    {"empty", "0\r\n\r\n", "[] end after 5\n"},
    {"one", "5\r\nhello\r\n0\r\n\r\n", "[hello] end after 15\n"},
    {"many", "1\r\na\r\n2\r\nbc\r\n00a\r\n0123456789\r\n0\r\n\r\n", "[abc0123456789] end after 35\n"},
    {"hex-cases", "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n",
     "[01234567890123456789a] end after 36\n"},
    {"crlf-in-data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "[\r\n\r\n] end after 14\n"},
    {"zeros", "0000000000000000\r\n\r\n", "[] end after 20\n"},
    {"next-message", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1", "[a] end after 11\n"},
    {"ch-ext-ok", "5;a=b;c=\"d e\"\thi\xff\r\nhello\r\n0;x\r\n\r\n", "[hello] end after 33\n"},
    {"trailers", "0\r\nX-Sum: 12 \r\nY:\r\n\r\n", "[] end after 21\n[X-Sum]=[12]\n[Y]=[]\n"},
};

const Row kRefused[] = {
    {"ch-size-0x", "0x5\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-plus", "+5\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-minus", "-5\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-empty", "\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-ext-only", ";a\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-underscore", "0_5\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-space", " 5\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-space-after", "5 \r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-size-nul", bytes("5\0\r\nhello\r\n"), "[] refused: bad_request bad_chunk_size"},
    {"ch-overflow", "10000000000000005\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-overflow-sign", "8000000000000000\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-overflow-zeros", "00000000000000005\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-lf-size", "5\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-cr-size", "5\rhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-crcrlf", "5\r\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-lf-data", "5\r\nhello\n0\r\n\r\n", "[hello] refused: bad_request bad_chunk_end"},
    {"ch-cr-data", "5\r\nhello\r0\r\n\r\n", "[hello] refused: bad_request bad_chunk_end"},
    {"ch-spill", "5\r\nhelloXX0\r\n\r\n", "[hello] refused: bad_request bad_chunk_end"},
    {"ch-short-term", "5\r\nhello0\r\n\r\n", "[hello] refused: bad_request bad_chunk_end"},
    {"ch-ext-lf", "5;\nx\r\nhello\r\n", "[] refused: bad_request bad_chunk_extension"},
    {"ch-ext-cr", "5;\rx\r\nhello\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-ext-nul", bytes("5;\0x\r\nhello\r\n"), "[] refused: bad_request bad_chunk_extension"},
    {"ch-last-lf", "0\n\r\n", "[] refused: bad_request bad_chunk_size"},
    {"ch-end-lf", "0\r\n\n", "[] refused: bad_request bad_trailer"},
    {"ch-tr-request", "0\r\nGET / HTTP/1.1\r\n\r\n", "[] refused: bad_request bad_trailer"},
    {"ch-tr-lf", "0\r\nX: a\nY: b\r\n\r\n", "[] refused: bad_request bad_trailer"},
    {"ch-tr-fold", "0\r\nX: a\r\n b\r\n\r\n", "[] refused: bad_request bad_trailer"},
    {"ch-tr-space-colon", "0\r\nX : a\r\n\r\n", "[] refused: bad_request bad_trailer"},
    {"ch-tr-nul", bytes("0\r\nX: \0\r\n\r\n"), "[] refused: bad_request bad_trailer"},
};

}  // namespace

TEST_CASE("BodyDecoder decodes chunks, and the same however they are cut") {
  for (const Row& row : kAccepted) {
    CAPTURE(std::string(row.name));
    check(row.text, row.expected);
  }
}

TEST_CASE("BodyDecoder refuses broken chunks, after the same bytes however they are cut") {
  for (const Row& row : kRefused) {
    CAPTURE(std::string(row.name));
    check(row.text, row.expected);
  }
}

TEST_CASE("BodyDecoder waits for the rest of every beginning of a good body") {
  const std::string text = "5;x\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < text.size(); ++size) {
    BodyDecoder decoder;
    const std::string got = decode(decoder, {text.substr(0, size)});
    CAPTURE(size);
    CHECK(got.ends_with("more"));
    CHECK_FALSE(decoder.end_of_input());
  }
}

TEST_CASE("BodyDecoder takes exactly the length") {
  check("helloworld", "[hello] end after 5\n", {BodyKind::kLength, 5});
  check("hell", "[hell] more", {BodyKind::kLength, 5});
  check("GET /", "[] end after 0\n", {BodyKind::kLength, 0});
  check("GET /", "[] end after 0\n", {BodyKind::kNone, 0});
  check("", "[] end after 0\n", {BodyKind::kNone, 0});
}

TEST_CASE("BodyDecoder tells a proper end of input from a cut message") {
  BodyDecoder decoder;
  decoder.start({BodyKind::kUntilClose, 0}, ErrorCode::kBadResponse, 0);
  CHECK_EQ(decoder.next("all of it")->piece_size, 9);
  CHECK_FALSE(decoder.is_end());
  CHECK(decoder.end_of_input());
  CHECK(decoder.is_end());
  decoder.start({BodyKind::kLength, 5}, ErrorCode::kBadResponse, 0);
  CHECK_EQ(decoder.next("cl-t")->piece_size, 4);
  CHECK_FALSE(decoder.end_of_input());
  CHECK_EQ(decoder.next("x")->is_end, true);
  CHECK(decoder.end_of_input());
  CHECK_EQ(decoder.body_bytes(), 5);
}

TEST_CASE("BodyDecoder enforces the body limit before it hands out more") {
  check("hello", "[hello] end after 5\n", {BodyKind::kLength, 5}, {.body_bytes = 5});
  check("hello!", "[] refused: body_too_large body_too_large", {BodyKind::kLength, 6}, {.body_bytes = 5});
  check("", "[] refused: body_too_large body_too_large", {BodyKind::kLength, 6}, {.body_bytes = 5});
  check("5\r\nhello\r\n0\r\n\r\n", "[hello] end after 15\n", kChunked, {.body_bytes = 5});
  check("6\r\nhello!\r\n", "[] refused: body_too_large body_too_large", kChunked, {.body_bytes = 5});
  check("5\r\nhello\r\n1\r\n!\r\n", "[hello] refused: body_too_large body_too_large", kChunked,
        {.body_bytes = 5});
  check("7fffffffffffffff\r\n", "[] refused: body_too_large body_too_large", kChunked, {.body_bytes = 5});
  check("hello!", "[hello] refused: body_too_large body_too_large", {BodyKind::kUntilClose, 0},
        {.body_bytes = 5});
}

TEST_CASE("BodyDecoder bounds the extensions of a whole body") {
  std::string text;
  const std::string chunk = "1;" + std::string(1022, 'x') + "\r\na\r\n";
  for (int i = 0; i < 16; ++i) text += chunk;
  BodyDecoder decoder;
  CHECK_EQ(decode(decoder, {text + "0\r\n\r\n"}),
           "[aaaaaaaaaaaaaaaa] end after " + std::to_string(text.size() + 5) + "\n");
  CHECK_EQ(decode(decoder, {text + chunk}),
           "[aaaaaaaaaaaaaaaa] refused: bad_request chunk_extensions_too_large");
  CHECK_EQ(decode(decoder, {"1;" + std::string(512 * 1024, 'x')}),
           "[] refused: bad_request chunk_extensions_too_large");
}

TEST_CASE("BodyDecoder bounds the trailers in bytes and number") {
  const std::string text = "0\r\nX: 12345\r\n\r\n";
  check(text, "[] end after 15\n[X]=[12345]\n", kChunked, {.trailer_bytes = 12});
  check(text, "[] refused: bad_request trailers_too_large", kChunked, {.trailer_bytes = 11});
  std::string many = "0\r\n";
  for (int i = 0; i < 101; ++i) many += "X: y\r\n";
  BodyDecoder decoder;
  CHECK_EQ(decode(decoder, {many + "\r\n"}), "[] refused: bad_request trailers_too_large");
}

TEST_CASE("BodyDecoder drops trailers that speak of framing, routing, identity or control") {
  for (const char* name :
       {"Content-Length", "Transfer-Encoding", "Host", "X-Forwarded-For", "Forwarded", "Authorization",
        "Cookie", "Set-Cookie", "Connection", "TE", "Trailer", "Content-Type", "Content-Encoding",
        "Cache-Control", "Expect", "X-Request-Id", "Range", "x-real-ip", "Upgrade"}) {
    CAPTURE(std::string(name));
    BodyDecoder decoder;
    const std::string text = std::string("0\r\n") + name + ": 1\r\nX-Kept: 2\r\n\r\n";
    CHECK_EQ(decode(decoder, {text}), "[] end after " + std::to_string(text.size()) + "\n[X-Kept]=[2]\n");
  }
}

TEST_CASE("BodyDecoder's trailers last until the next start") {
  BodyDecoder decoder;
  decode(decoder, {"0\r\nA: b\r\n\r\n"});
  CHECK_EQ(dump(decoder.trailers()), "[A]=[b]\n");
  decoder.start(kChunked, ErrorCode::kBadRequest, 0);
  CHECK(decoder.trailers().is_empty());
}

TEST_CASE("BodyDecoder keeps its error and names the side") {
  BodyDecoder decoder;
  decoder.start(kChunked, ErrorCode::kBadResponse, 0);
  REQUIRE_FALSE(decoder.next("x").has_value());
  const auto again = decoder.next("0\r\n\r\n");
  REQUIRE_FALSE(again.has_value());
  CHECK_EQ(again.error().code, ErrorCode::kBadResponse);
  CHECK_EQ(again.error().side, ErrorSide::kUpstream);
  CHECK_FALSE(decoder.end_of_input());
}
