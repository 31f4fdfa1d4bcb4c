#include <doctest/doctest.h>

#include <utility>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

// Both the answer and how it is cut: `text` is small enough to cut everywhere.
template <typename Parser>
void check(const std::string& text, HeadLimits limits, const std::string& expected) {
  CAPTURE(text);
  const std::string got = parse_whole<Parser>(text, limits);
  CHECK_EQ(got.substr(0, expected.size()), expected);
  CHECK_EQ(find_cut_that_differs<Parser>(text, got, limits), "");
}

}  // namespace

TEST_CASE("A request line of the limit is taken, one byte more is refused") {
  const std::string line = "GET /aaaaaaaaaaaaaaaaaaaaaaaa HTTP/1.1";
  const std::string text = line + "\r\nHost: a\r\n\r\n";
  const auto size = static_cast<std::uint32_t>(line.size());
  check<RequestParser>(text, {.request_line_bytes = size}, "after ");
  for (std::uint32_t limit = 0; limit < size; ++limit) {
    CAPTURE(limit);
    check<RequestParser>(text, {.request_line_bytes = limit}, "refused: uri_too_long uri_too_long");
  }
}

TEST_CASE("A head of the limit is taken, one byte more is refused") {
  const std::string line = "GET / HTTP/1.1";
  const std::string text = line + "\r\nHost: a\r\nX: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n";
  const auto size = static_cast<std::uint32_t>(text.size());
  check<RequestParser>(text, {.head_bytes = size}, "after ");
  check<RequestParser>("\r\n" + text, {.head_bytes = size}, "after ");
  for (std::uint32_t limit = 0; limit < size; ++limit) {
    CAPTURE(limit);
    const bool is_in_line = limit < line.size() + 2;
    check<RequestParser>(text, {.head_bytes = limit},
                         is_in_line ? "refused: uri_too_long" : "refused: head_too_large head_too_large");
  }
}

TEST_CASE("As many fields as the limit are taken, one more is refused") {
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\n\r\n";
  check<RequestParser>(text, {.max_headers = 3}, "after ");
  check<RequestParser>(text, {.max_headers = 2}, "refused: head_too_large too_many_headers");
  check<RequestParser>(text, {.max_headers = 0}, "refused: head_too_large too_many_headers");
}

TEST_CASE("The limits of a response give a bad response") {
  const std::string text = "HTTP/1.1 200 OK\r\nX: b\r\nY: c\r\n\r\n";
  const auto size = static_cast<std::uint32_t>(text.size());
  check<ResponseParser>(text, {.head_bytes = size, .request_line_bytes = 1}, "after ");
  for (std::uint32_t limit = 0; limit < size; ++limit) {
    CAPTURE(limit);
    check<ResponseParser>(text, {.head_bytes = limit}, "refused: bad_response head_too_large");
  }
  check<ResponseParser>(text, {.max_headers = 1}, "refused: bad_response too_many_headers");
}

TEST_CASE("An endless head is refused while it arrives, within the limit") {
  const std::pair<std::string, ErrorCode> rows[] = {
      {"GET /", ErrorCode::kUriTooLong},
      {"AAAA", ErrorCode::kUriTooLong},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: ", ErrorCode::kHeadTooLarge},
      {"GET / HTTP/1.1\r\nHost: a\r\n", ErrorCode::kHeadTooLarge},  // an endless name
  };
  const std::string more(1000, 'A');
  for (const auto& [start, code] : rows) {
    CAPTURE(start);
    RequestParser parser({});
    std::size_t fed = start.size();
    auto result = parser.feed(start);
    for (; result.has_value() && fed < 1'000'000; fed += more.size()) result = parser.feed(more);
    REQUIRE_FALSE(result.has_value());
    CHECK_EQ(result.error().code, code);
    CHECK_LE(fed, HeadLimits{}.head_bytes + 2 * more.size());
  }
}

TEST_CASE("Limits set while a connection idles count for its next head") {
  RequestParser parser({});
  const std::string text = "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\r\n";
  CHECK_EQ(parse_pieces(parser, {text}).substr(0, 6), "after ");
  parser.reset();
  parser.set_limits({.max_headers = 1});
  CHECK_EQ(parse_pieces(parser, {text}), "refused: head_too_large too_many_headers");
  parser.release();
  parser.set_limits({.max_headers = 2});
  CHECK_EQ(parse_pieces(parser, {text}).substr(0, 6), "after ");
}
