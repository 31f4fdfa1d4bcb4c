#include <doctest/doctest.h>

#include "heads.h"

using namespace ingress;
using namespace ingress::http;
using namespace ingress::http::test;

namespace {

struct Row {
  const char* name;
  std::string text;
  std::string expected;
};

void check(const Row& row, const std::string& expected) {
  CAPTURE(std::string(row.name));
  CAPTURE(row.text);
  CHECK_EQ(parse_whole<ResponseParser>(row.text), expected);
  CHECK_EQ(find_cut_that_differs<ResponseParser>(row.text, expected), "");
}

const Row kAccepted[] = {
    {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "200 [OK] 1.1\n[Content-Length]=[5]\n"},
    {"no-fields", "HTTP/1.1 204 No Content\r\n\r\n", "204 [No Content] 1.1\n"},
    {"http10", "HTTP/1.0 404 Not Found\r\n\r\n", "404 [Not Found] 1.0\n"},
    {"no-reason", "HTTP/1.1 200 \r\nX: y\r\n\r\n", "200 [] 1.1\n[X]=[y]\n"},
    {"no-reason-no-space", "HTTP/1.1 200\r\nX: y\r\n\r\n", "200 [] 1.1\n[X]=[y]\n"},
    {"odd-reason", "HTTP/1.1 599 a\tb \xe9 (c)\r\n\r\n", "599 [a\tb \xe9 (c)] 1.1\n"},
    {"interim", "HTTP/1.1 100 Continue\r\n\r\n", "100 [Continue] 1.1\n"},
    {"switching", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
     "101 [Switching Protocols] 1.1\n[Connection]=[upgrade]\n[Upgrade]=[websocket]\n"},
    {"chunked", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\r\n",
     "200 [OK] 1.1\n[transfer-encoding]=[chunked]\n[Set-Cookie]=[a=b]\n[Set-Cookie]=[c=d]\n"},
    {"until-close", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "200 [OK] 1.1\n[Connection]=[close]\n"},
};

std::string with(const std::string& line) {
  return "HTTP/1.1 200 OK\r\n" + line + "\r\n\r\n";
}

const Row kRefused[] = {
    {"r-two-cl", with("Content-Length: 5\r\nContent-Length: 6"), "two_content_lengths"},
    {"r-te-cl", with("Transfer-Encoding: chunked\r\nContent-Length: 5"), "length_and_chunked"},
    {"r-cl-tab", with("Content-Length: 5\t"), "bad_content_length"},
    {"r-cl-bad", with("Content-Length: 5x"), "bad_content_length"},
    {"r-lf", "HTTP/1.1 200 OK\nX: y\n\n", "bare_lf"},
    {"r-lf-field", with("X: y\nZ: z"), "bare_lf"},
    {"r-cr-field", with("X: y\rZ: z"), "bare_cr"},
    {"r-nul", with(bytes("X: a\0b")), "control_character"},
    {"r-nul-reason", bytes("HTTP/1.1 200 O\0K\r\n\r\n"), "control_character"},
    {"r-cr-reason", "HTTP/1.1 200 O\rK\r\n\r\n", "bare_cr"},
    {"r-space-colon", with("X : y"), "space_before_colon"},
    {"r-fold", with("X: y\r\n z"), "obs_fold"},
    {"r-no-colon", with("X"), "bad_header_name"},
    {"r-garbage", "hello, world\r\n\r\n", "bad_status_line"},
    {"r-binary", bytes("\0\0\0"), "control_character"},
    {"r-lead-crlf", "\r\nHTTP/1.1 200 OK\r\n\r\n", "bad_status_line"},
    {"r-status-99999", "HTTP/1.1 99999 OK\r\n\r\n", "bad_status_line"},
    {"r-status-99", "HTTP/1.1 99 OK\r\n\r\n", "bad_status_line"},
    {"r-status-099", "HTTP/1.1 099 OK\r\n\r\n", "bad_status"},
    {"r-status-600", "HTTP/1.1 600 OK\r\n\r\n", "bad_status"},
    {"r-status-text", "HTTP/1.1 OK\r\n\r\n", "bad_status_line"},
    {"r-status-minus", "HTTP/1.1 -20 OK\r\n\r\n", "bad_status_line"},
    {"r-two-spaces", "HTTP/1.1  200 OK\r\n\r\n", "bad_status_line"},
    {"r-version-2", "HTTP/2.0 200 OK\r\n\r\n", "bad_version"},
    {"r-version-1.10", "HTTP/1.10 200 OK\r\n\r\n", "bad_status_line"},
    {"r-lower", "http/1.1 200 OK\r\n\r\n", "bad_status_line"},
    {"r-icy", "ICY 200 OK\r\n\r\n", "bad_status_line"},
    {"r-crcrlf", "HTTP/1.1 200 OK\r\r\n\r\n", "bare_cr"},
};

}  // namespace

TEST_CASE("ResponseParser accepts well-formed heads, and a head is the same however it is cut") {
  for (const Row& row : kAccepted) {
    const std::string expected = "after " + std::to_string(row.text.size()) + ": " + row.expected;
    check(row, expected);
    check({row.name, row.text + "HTTP/1.1 200 OK\r\n\r\n", {}}, expected);
  }
}

TEST_CASE("ResponseParser refuses as strictly as RequestParser") {
  for (const Row& row : kRefused) {
    check(row, "refused: bad_response " + row.expected);
  }
}

TEST_CASE("ResponseParser blames the upstream") {
  ResponseParser parser({});
  const auto result = parser.feed("nonsense");
  REQUIRE_FALSE(result.has_value());
  CHECK_EQ(result.error().side, ErrorSide::kUpstream);
  CHECK_EQ(result.error().retry, RetrySafety::kNotSafe);
}

TEST_CASE("ResponseParser reads interim heads and the final one in turn") {
  ResponseParser parser({});
  std::string_view text = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
  const auto interim = parser.feed(text);
  REQUIRE(interim.has_value());
  CHECK(interim->is_complete);
  CHECK_EQ(parser.head().status(), 103);
  text.remove_prefix(interim->consumed);
  parser.reset();
  const auto last = parser.feed(text);
  REQUIRE(last.has_value());
  CHECK_EQ(dump(parser.head()), "200 [OK] 1.1\n[A]=[b]\n");
  CHECK_EQ(text.substr(last->consumed), "body");
}

TEST_CASE("ResponseParser forgets a head, wherever it stopped, when it is told to") {
  const struct {
    const char* name;
    std::string first;
  } rows[] = {
      {"nothing", ""},
      {"in the version", "HTTP"},
      {"in a field", "HTTP/1.1 503 No\r\nX-Old: y\r\nX-Ol"},
      {"plain", "HTTP/1.1 503 No\r\nX-Old: y\r\n\r\n"},
      {"not plain", "HTTP/1.0 503\r\nX-Old:y\r\n\r\n"},
      {"refused", "HTTP/1.1 503 No\r\nX-Old : y\r\n"},
  };
  for (const auto& row : rows) {
    for (const bool is_released : {false, true}) {
      CAPTURE(std::string(row.name));
      CAPTURE(is_released);
      ResponseParser parser({});
      CHECK_FALSE(parser.has_started());
      const auto fed = parser.feed(row.first);
      CHECK_EQ(parser.has_started(), !row.first.empty());
      CHECK_EQ(fed.has_value(), std::string_view(row.name) != "refused");
      is_released ? parser.release() : parser.reset();
      CHECK_FALSE(parser.has_started());
      CHECK_EQ(parser.head().status(), 0);
      CHECK_EQ(parser.head().reason(), "");
      CHECK(parser.head().headers().is_empty());
      // Cut, so that both ways of reading are taken.
      CHECK_EQ(parse_pieces(parser, {"HTTP/1.1 200 O", "K\r\nA: b\r\n\r\n"}),
               "after 25: 200 [OK] 1.1\n[A]=[b]\n");
      CHECK(parser.has_started());
      is_released ? parser.release() : parser.reset();
      CHECK_EQ(parse_pieces(parser, {"HTTP/1.1 204 No\r\nA: c\r\n\r\n"}),
               "after 25: 204 [No] 1.1\n[A]=[c]\n");
    }
  }
}
